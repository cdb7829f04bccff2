"""What a layer kind is written with: its registry, the matrices of parameters, products that become reads."""
