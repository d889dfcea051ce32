"""The position loop: a stage that follows what a camera sees, so that the sample stays where it was.

Source: Kreinberg et al., Nature Communications 10, 1539 (2019), Methods: the position of the sample in the
cryostat is stabilised on camera images. The registration and the control law are this suite's own.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from instruments._sight import Sight, Unfit, calibrated
from instruments.clock import Clock, SystemClock
from instruments.errors import (
    InstrumentDisconnected,
    InstrumentProtocolError,
    InstrumentTimeout,
    Interlock,
    NotSettled,
    OutOfRange,
)
from instruments.roles import Camera, PositioningStage

__all__ = ["Correction", "PositionLoop"]

POLL_S = 0.1
NOWHERE = (float("nan"), float("nan"))


@dataclass(frozen=True)
class Correction:
    """What one frame showed, and what was done about it.

    Attributes
    ----------
    time_s : float
        When the frame was asked for, on the loop's clock.
    displacement_um : tuple of float
        The sample's displacement from the reference, (x, y) along the stage's axes; NaN if unknown.
    step_um : tuple of float
        How far the stage was moved, (x, y).
    error : float
        Normalised rms difference between frame and reference after registration; NaN without a frame.
    held : str
        Why the displacement is unknown, or why the stage could not follow; empty if all is well.
    """

    time_s: float
    displacement_um: tuple[float, float]
    step_um: tuple[float, float] = (0.0, 0.0)
    error: float = float("nan")
    held: str = ""

    @property
    def distance_um(self) -> float:
        """Length of the displacement, in um."""
        return float(np.hypot(*self.displacement_um))


class PositionLoop:
    """Keeps a sample under an objective; `calibrate` and `reference` come first.

    A frame that is lost, dark, saturated or does not match the reference leaves the stage where it is, and
    so does a step that would leave the stage's limits. After `patience` such holds in a row an Interlock is
    raised, on every further call until one succeeds.

    Parameters
    ----------
    camera, stage
        What sees the sample, and what moves it or the objective.
    clock
        Source of time.
    gain
        Part of the displacement that one step takes back, above 0 and up to 1.
    dead_band_um
        Displacements up to this are left alone, in um.
    largest_jump_um
        Displacements that differ by more than this from the expected one are not believed, in um.
    patience
        Number of holds in a row that raise an Interlock.
    """

    def __init__(
        self,
        camera: Camera,
        stage: PositioningStage,
        *,
        clock: Clock | None = None,
        gain: float = 0.7,
        dead_band_um: float = 0.02,
        largest_jump_um: float = 5.0,
        patience: int = 10,
    ) -> None:
        if not 0 < gain <= 1:
            raise ValueError(f"The gain of a position loop lies above 0 and up to 1, not at {gain}.")
        self.camera = camera
        self.stage = stage
        self.clock = clock if clock is not None else SystemClock()
        self._gain = gain
        self._dead_band_um = dead_band_um
        self._largest_jump_um = largest_jump_um
        self._patience = patience
        self._holds = 0
        self._um_per_px: np.ndarray | None = None
        self._sight: Sight | None = None
        self._expected_um = np.zeros(2)

    @property
    def ready(self) -> bool:
        """Whether calibration and reference are there."""
        return self._um_per_px is not None and self._sight is not None

    def calibrate(self, step_um: float = 2.0) -> np.ndarray:
        """Measure, by moves of the stage to both sides, how the image answers.

        Parameters
        ----------
        step_um
            Length of the moves, in um.

        Returns
        -------
        numpy.ndarray
            Displacement of the sample, in um, per displacement of the image, in px: shape (stage axis,
            image axis), image axes (column, row).

        Raises
        ------
        Interlock
            The image does not follow the stage as a displaced picture would.
        InstrumentError
            Camera or stage failed, or the moves leave the stage's limits.
        """
        self._um_per_px = calibrated(self.camera, self.stage, step_um)
        return self._um_per_px

    def reference(self) -> None:
        """Take the sample's present position as the right one; the mean of a few frames.

        Raises
        ------
        Interlock
            The camera is saturated.
        InstrumentError
            The camera failed.
        """
        try:
            self._sight = Sight(self.camera)
        except Unfit as error:
            raise Interlock(f"Reference of the position loop: {error}.") from error
        self._expected_um = np.zeros(2)
        self._holds = 0

    def watch(self) -> Correction:
        """Take a frame and measure the displacement; leave the stage alone."""
        if self._um_per_px is None or self._sight is None:
            raise ValueError("The position loop has no calibration or no reference; call both first.")
        now = self.clock.now()
        try:
            moved, error = self._sight.displacement_px(self.camera.grab())
        except (InstrumentTimeout, InstrumentProtocolError, InstrumentDisconnected) as lost:
            return Correction(now, NOWHERE, held=f"no frame: {lost}")
        except Unfit as unfit:
            return Correction(now, NOWHERE, error=unfit.error, held=str(unfit))
        displacement = self._um_per_px @ moved
        jump = float(np.hypot(*(displacement - self._expected_um)))
        if jump > self._largest_jump_um:
            return Correction(now, NOWHERE, error=error, held=f"the sample seems to jump by {jump:.1f} um")
        self._expected_um = displacement
        return Correction(now, (float(displacement[0]), float(displacement[1])), error=error)

    def correct(self) -> Correction:
        """Take a frame, measure the displacement, and move the stage to take it back.

        Raises
        ------
        Interlock
            The loop had to hold too often in a row, or the stage reports a fault.
        InstrumentError
            The stage failed otherwise.
        """
        seen = self.watch()
        if seen.held or seen.distance_um <= self._dead_band_um:
            return self._counted(seen)
        start = np.array(self.stage.position_um)
        target = start + self._gain * np.array(seen.displacement_um)
        for name, asked, (low, high) in zip("xy", target, self.stage.limits_um, strict=True):
            if not low <= asked <= high:
                why = f"the stage would have to go to {name} = {asked:.2f} um, beyond its limit"
                return self._counted(replace(seen, held=why))
        step = np.array(self.stage.move_to_um(*target)) - start
        self._expected_um = np.array(seen.displacement_um) - step
        return self._counted(replace(seen, step_um=(float(step[0]), float(step[1]))))

    def correct_until_still(
        self, band_um: float = 0.1, deadline_s: float = 60.0
    ) -> tuple[Correction, Correction]:
        """Correct until the sample lies within a band around the reference.

        Returns
        -------
        tuple of Correction
            The first good one and the last.

        Raises
        ------
        NotSettled
            The band was not reached in time.
        InstrumentError
            As from `correct`.
        """
        start, first = self.clock.now(), None
        while True:
            last = self.correct()
            if not last.held:
                first = first or last
                if last.distance_um <= band_um:
                    return first, last
            if self.clock.now() - start >= deadline_s:
                raise NotSettled(
                    f"The sample is {last.distance_um:.2f} um from its place after {deadline_s} s, not "
                    f"within {band_um} um{'; ' + last.held if last.held else ''}."
                )
            self.clock.sleep(POLL_S)

    def hold(
        self, duration_s: float, period_s: float, on_step: Callable[[Correction], None] | None = None
    ) -> list[Correction]:
        """Correct once in every period, for a while.

        Parameters
        ----------
        duration_s, period_s
            How long, and how often, in s.
        on_step
            Told of every correction.
        """
        if not (duration_s >= 0 and period_s > 0):
            raise OutOfRange(f"A loop of {duration_s} s with a period of {period_s} s is not possible.")
        start = self.clock.now()
        done: list[Correction] = []
        while len(done) * period_s < duration_s:
            done.append(self.correct())
            if on_step is not None:
                on_step(done[-1])
            self.clock.sleep(start + len(done) * period_s - self.clock.now())
        return done

    def _counted(self, correction: Correction) -> Correction:
        """Count the holds in a row; raise Interlock when there are too many."""
        self._holds = self._holds + 1 if correction.held else 0
        if self._holds >= self._patience:
            raise Interlock(
                f"The position loop had to hold {self._holds} times in a row; the last time because "
                f"{correction.held}."
            )
        return correction
