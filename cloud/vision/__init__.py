"""Training of what gateways see with: rendered scenes, and the models made from them."""
