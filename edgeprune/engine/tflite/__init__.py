"""Reading and stripping `.tflite` files."""
