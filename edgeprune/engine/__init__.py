"""The compiler from an int8 `.tflite` to C: read, clean, choose kernels, place tensors, cost, emit. Without torch."""
