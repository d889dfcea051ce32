"""What a camera sees of a sample: good frames, and displacements from a reference frame."""

import numpy as np

from instruments._registration import displacement_px
from instruments.camera import Frame
from instruments.errors import InstrumentProtocolError, InstrumentTimeout, Interlock
from instruments.roles import Camera, PositioningStage

__all__ = ["Sight", "Unfit", "calibrated"]

LARGEST_ERROR = 0.25
"""Registrations of one scene have an error below 0.1, wrong periods of an array one above 0.3."""

LARGEST_SATURATED_PART = 0.005
LEAST_CONTRAST = 0.3
ATTEMPTS = 5
REFERENCE_FRAMES = 4
CALIBRATION_MOVES = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (0, 0))
LARGEST_RESIDUAL_PX = 0.5
LARGEST_ASPECT = 1.5


class Unfit(Exception):
    """A frame that says nothing about the sample's position; the message says why.

    Parameters
    ----------
    why
        A clause without a full stop.
    error
        Error of the registration, if it came that far.
    """

    def __init__(self, why: str, error: float = float("nan")) -> None:
        super().__init__(why)
        self.error = error


class Sight:
    """A reference image, against which frames are registered.

    Parameters
    ----------
    camera
        Where the frames come from; lost ones are asked for again while the reference is taken.
    """

    def __init__(self, camera: Camera) -> None:
        images = [good_frame(camera).image for _ in range(REFERENCE_FRAMES)]
        self._image = np.mean(images, axis=0)

    def displacement_px(self, frame: Frame) -> tuple[np.ndarray, float]:
        """Return how far a frame is displaced, (column, row), and the error of the registration.

        Raises
        ------
        Unfit
            The frame is dark, saturated, of another shape, or of something else.
        """
        _refuse_saturated(frame)
        if frame.image.shape != self._image.shape:
            raise Unfit(f"the frame has the shape {frame.image.shape}, the reference {self._image.shape}")
        if frame.image.std() < LEAST_CONTRAST * self._image.std():
            raise Unfit("the frame is dark, or shows nothing")
        moved, error = displacement_px(self._image, frame.image)
        if not error <= LARGEST_ERROR:
            raise Unfit(f"the frame does not match the reference (error {error:.2f})", error)
        return moved, error


def good_frame(camera: Camera) -> Frame:
    """Return a frame that is not saturated; one that was lost is asked for again, a few times.

    Raises
    ------
    Unfit
        The frame is saturated.
    InstrumentError
        No frame came.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            frame = camera.grab()
            break
        except (InstrumentTimeout, InstrumentProtocolError):
            continue
    else:
        frame = camera.grab()
    _refuse_saturated(frame)
    return frame


def calibrated(camera: Camera, stage: PositioningStage, step_um: float) -> np.ndarray:
    """Return the sample's displacement, in um, per displacement of the image, in px.

    The stage moves to both sides along both axes, and back. A steady drift meanwhile is fitted along.

    Returns
    -------
    numpy.ndarray
        Shape (stage axis, image axis); the image axes are (column, row).

    Raises
    ------
    Interlock
        The image does not follow the stage as a displaced picture would.
    InstrumentError
        Camera or stage failed, or the moves leave the stage's limits.
    """
    origin = np.array(stage.position_um)
    rows, seen = [], []
    try:
        sight = Sight(camera)
        for number, move in enumerate(CALIBRATION_MOVES):
            at = np.array(stage.move_to_um(*(origin + step_um * np.array(move)))) - origin
            rows.append([*at, 1.0, number])
            seen.append(sight.displacement_px(good_frame(camera))[0])
    except Unfit as error:
        raise Interlock(f"Calibration of the position loop: {error}.") from error
    answer, *_ = np.linalg.lstsq(np.array(rows), np.array(seen), rcond=None)
    residual = np.sqrt(np.mean((np.array(rows) @ answer - seen) ** 2))
    px_per_um = -answer[:2].T  # the sample goes to where the stage comes from
    _refuse_distorted(px_per_um, float(residual), step_um)
    return np.linalg.inv(px_per_um)


def _refuse_saturated(frame: Frame) -> None:
    if frame.saturated_part > LARGEST_SATURATED_PART:
        raise Unfit(f"{100 * frame.saturated_part:.1f} % of the frame's pixels are saturated")


def _refuse_distorted(px_per_um: np.ndarray, residual_px: float, step_um: float) -> None:
    large, small = np.linalg.svd(px_per_um, compute_uv=False)
    if small * step_um < 3 * LARGEST_RESIDUAL_PX:
        raise Interlock(
            f"Calibration of the position loop: moves of {step_um} um displace the image by only "
            f"{small * step_um:.2f} px; does the camera see the stage move?"
        )
    if large > LARGEST_ASPECT * small or residual_px > LARGEST_RESIDUAL_PX:
        raise Interlock(
            f"Calibration of the position loop: the image moves by {large:.2f} and {small:.2f} px/um along "
            f"two directions, with residuals of {residual_px:.2f} px; this is no picture of the sample."
        )
