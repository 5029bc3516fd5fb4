"""The commands of `tapetum`: each module has `add_arguments` and `main`, and imports what is heavy when it is run."""
