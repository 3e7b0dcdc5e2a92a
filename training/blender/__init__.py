"""Learn the blender from judged queries, and show what it is worth."""
