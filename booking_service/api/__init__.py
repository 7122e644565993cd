"""HTTP over the box office: parse, call, translate."""
