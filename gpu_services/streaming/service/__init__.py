"""The service around the painter: sockets, frames, deadlines, players. Knows no torch.

app -> signalling, jpeg -> session -> studio -> schedule -> backend
"""
