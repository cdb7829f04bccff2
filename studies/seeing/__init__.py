"""Where networks look, digitally and on chips: maps, how much they agree, and checks that they mean something."""
