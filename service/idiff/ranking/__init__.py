"""Many photos of one scene, each read once, in the order a professional would prefer them."""
