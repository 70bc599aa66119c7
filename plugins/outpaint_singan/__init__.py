"""SinGAN harmonization: a pyramid of small GANs trained on one photo gives the new area the photo's texture."""
