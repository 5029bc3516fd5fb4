"""What `tapetum doctor` looks at. Nothing needs a package but `service` and `cameras`, which come last."""
