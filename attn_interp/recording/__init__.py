"""A forward pass <-> attention weights, for any nn.Module."""

from attn_interp.recording.discovery.dry_run import sites
from attn_interp.recording.generation import generated
from attn_interp.recording.recording import Recording
from attn_interp.recording.recording_contexts import intervene, record
from attn_interp.recording.replay import Replay, replay
from attn_interp.recording.site import Site, mark

__all__ = ["Recording", "Replay", "Site", "generated", "intervene", "mark", "record", "replay", "sites"]
