"""What `tapetum doctor` looks at. Nothing here needs a package to be installed, but for `service`, which comes last."""
