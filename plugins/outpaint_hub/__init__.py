"""Models that others published on the Hugging Face Hub as ONNX: MI-GAN and LaMa."""
