"""A network in other runtimes: beside our own program, on a device and here, in a runner of the user's."""
