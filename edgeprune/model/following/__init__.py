"""What a recording follows beside its calls: views and writes, values decided by the code, which calls are needed."""
