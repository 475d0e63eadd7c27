"""Jobs on Beam: batch, history, streaming, rescan."""
