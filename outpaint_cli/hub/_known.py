"""What the host itself wants of the Hub."""

from outpaint_cli.plugin import HubFile, ModelCard

VGG16 = ModelCard(
    "vgg16",
    "VGG16 of torchvision: the feature network of perceptual losses and scores",
    source=HubFile("timm/vgg16.tv_in1k", "b8d8aa2dd860af9233c8c67385a8097fd6c35d3f", "model.safetensors"),
    sha256="57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8",
    licence="BSD-3-Clause",
    training_data="ImageNet-1k",
)
"""Not a model for --model: ``outpaint train`` and ``outpaint evaluate --perceptual vgg16`` use it."""
