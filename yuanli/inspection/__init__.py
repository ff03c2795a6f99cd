"""Pictures, the report, and the backward microscope."""
