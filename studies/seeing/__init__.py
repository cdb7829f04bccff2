"""Where networks look, digitally and on chips: maps, how much they agree, checks that they mean something."""
