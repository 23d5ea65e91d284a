"""The painter that needs no GPU: looks of the city by rule, with OpenCV."""
