"""Pure measures that assets and jobs share: from what happened on a road, or in a clip, to numbers.

Imports nothing of ours. The leaderboard's needs the standard library and pydantic only, the clips'
numpy and, where they are used, OpenCV and SciPy.
"""
