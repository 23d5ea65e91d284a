"""Real-time painting of the game's video: a service of its own, over WebRTC, with the frame ids intact."""
