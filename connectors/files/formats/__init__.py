"""The formats: each module reads rows out of a file, or writes records into one."""
