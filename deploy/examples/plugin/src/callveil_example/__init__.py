"""An example of each kind of callveil's plugins."""
