"""The city: buildings and street corridors, loaded from `city.json`, built from open data or a seed."""
