"""What a user may choose about the simulated lab."""

import math
from dataclasses import dataclass

__all__ = ["BENCHES", "TwinSettings"]

CONFIGURATIONS = ("face-to-face", "relay")

BENCHES = ("minimal", "full", "mercury-scope")
"""Sets of instruments that a simulated lab can have on its network."""

DETECTIONS = ("cross", "hbt-1", "hbt-2")
"""What the two direct detectors can be set up to see."""


@dataclass(frozen=True)
class TwinSettings:
    """Choices for one simulated lab.

    Parameters
    ----------
    seed : int
        Seed of the hidden truth and of every noise stream.
    clock : "real", "lock-step" or float
        World time runs with the wall clock, only when a client of the control port advances it, or faster
        than the wall clock by the given factor.
    bench : "minimal", "full" or "mercury-scope"
        Which instruments are on the network.
    host : str
        Where to listen: this computer only, unless another of its names or addresses is given (0.0.0.0 for
        all). Whoever reaches a port can drive the lab.
    port_base : int
        First of the consecutive TCP ports, in the order of the instruments; 0 takes free ports.
    temperature_1_k, temperature_2_k : float
        Temperatures at which the two cryostats start settled, in K.
    inactive_loss_factor : float
        The factor f_in of the inactive dots' carrier loss: Kreinberg et al., Nat. Commun. 10, 1539 (2019),
        Eq. 6, calibrated so that the pillars lase at 20 uA.
    free_spectral_range_ghz : float
        Free spectral range that the interferometer's maker states, in GHz.
    finesse : float
        Nominal finesse of the interferometer.
    configuration : "face-to-face" or "relay"
        How the pillars are coupled: directly, or over a half-transparent pellicle in the middle of the path
        that also sends each pillar's own light back.
    half_wave_zero_deg : float
        Angle of the half-wave plate at which the coupling path transmits fully, in degrees.
    detection : "cross", "hbt-1" or "hbt-2"
        What the two direct detectors see, which are wired to inputs 3 and 4 of every counting box: P1 and P2,
        or both of them one pillar behind a 50:50 splitter (Hanbury Brown and Twiss).
    jitter_ps : float
        Timing response of the direct detectors, full width at half maximum in ps: 350 for avalanche diodes,
        30 for nanowires.
    trajectories, duration_ns, step_ps : int, float, float
        Effort of the model behind each spectrum: number of trajectories, their length in ns, and the
        integration step in ps (finer than a fit would use, so that recovering the truth is no tautology).
    field_trajectories, field_duration_us : int, float
        Effort of the model behind photons and beat notes: number of independent stretches of light, and
        their length. Stretches of 10 us lose 1 % of a correlation at 100 ns (see `FieldRecord`).

    sample_drift_um_per_k, sample_walk_um : float or None
        How far P2's sample moves per kelvin, and how far it wanders in 10 minutes (rms), in um.
        None stands for what the bench has: 3 um/K and 1 um on the full bench, which has a position loop, and
        nothing elsewhere.
    lo_offset_ghz : float
        Frequency to which the local oscillator of the heterodyne detectors is tuned, relative to the strong
        mode of P1 at 32 K and its working current; so P1's beat note lies about there, with the sign lost.

    Raises
    ------
    ValueError
        If a choice is impossible.
    """

    seed: int = 1
    clock: str | float = "real"
    bench: str = "minimal"
    host: str = "127.0.0.1"
    port_base: int = 0
    temperature_1_k: float = 32.0
    temperature_2_k: float = 34.9
    inactive_loss_factor: float = 1.34
    free_spectral_range_ghz: float = 15.0
    finesse: float = 200.0
    configuration: str = "face-to-face"
    half_wave_zero_deg: float = 0.0
    detection: str = "cross"
    jitter_ps: float = 350.0
    trajectories: int = 64
    duration_ns: float = 1000.0
    step_ps: float = 0.5
    sample_drift_um_per_k: float | None = None
    sample_walk_um: float | None = None
    field_trajectories: int = 16
    field_duration_us: float = 10.0
    lo_offset_ghz: float = 0.02

    def __post_init__(self) -> None:
        """Refuse impossible choices."""
        if isinstance(self.clock, str):
            if self.clock not in ("real", "lock-step"):
                raise ValueError(
                    f'clock must be "real", "lock-step" or a speed-up factor, not {self.clock!r}'
                )
        elif not (math.isfinite(self.clock) and self.clock > 0):
            raise ValueError(f"clock's speed-up factor must be positive, not {self.clock!r}")
        if self.bench not in BENCHES:
            raise ValueError(f"bench must be one of {', '.join(BENCHES)}, not {self.bench!r}")
        if self.configuration not in CONFIGURATIONS:
            raise ValueError(
                f"configuration must be one of {', '.join(CONFIGURATIONS)}, not {self.configuration!r}"
            )
        if self.detection not in DETECTIONS:
            raise ValueError(f"detection must be one of {', '.join(DETECTIONS)}, not {self.detection!r}")
        if not 0 <= self.jitter_ps <= 10_000:
            raise ValueError(f"jitter_ps must lie within 0..10000, not {self.jitter_ps}")
        if self.port_base and not 1024 <= self.port_base <= 65000:
            raise ValueError(f"port_base must be 0 or lie between 1024 and 65000, not {self.port_base}")
        if not self.duration_ns >= 200:
            raise ValueError(
                f"duration_ns must be at least 200, for spectra resolved to 8 MHz, not {self.duration_ns}"
            )
        if self.field_trajectories < 1:
            raise ValueError(f"field_trajectories must be at least 1, not {self.field_trajectories}")
        if not (math.isfinite(self.field_duration_us) and self.field_duration_us >= 0.1):
            raise ValueError(f"field_duration_us must be at least 0.1, not {self.field_duration_us}")
        for name in ("sample_drift_um_per_k", "sample_walk_um"):
            if not 0 <= (getattr(self, name) or 0.0) <= 100:
                raise ValueError(f"{name} must lie between 0 and 100, not {getattr(self, name)}")
        if not abs(self.lo_offset_ghz) <= 100:
            raise ValueError(f"lo_offset_ghz must lie within 100 GHz, not {self.lo_offset_ghz}")
        for name in ("temperature_1_k", "temperature_2_k"):
            if not 21.0 <= getattr(self, name) <= 60.0:
                raise ValueError(f"{name} must lie between 21 and 60 K, not {getattr(self, name)}")
