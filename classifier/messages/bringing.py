"""Codes of bringing photos with a camera, from a video, and from a phone that joins."""

from __future__ import annotations

from enum import unique

from . import Code


@unique
class CameraCode(Code):
    """The camera panel of the Photos tab."""

    TITLE = "Take photos with the camera"
    ABOUT = (
        "Hold the button, or the space bar, to take four photos a second. Turn the thing and change the place between "
        "two holds: photos of one hold belong together, and a good score needs several holds of each class."
    )
    CLASS = "Class of the photos"
    CLASS_EXAMPLE = "for example: cat"
    NOTHING = "Nothing of these"
    NOTHING_LABEL = "Use the class for photos that show nothing of your classes"
    OPEN = "Turn on the camera"
    SHOOT = "Hold to take photos"
    SWITCH = "Other camera"
    CLOSE = "Turn off the camera"
    STILL = "Take one photo"
    VIDEO = "Take photos from a video"
    CANCEL = "Cancel"
    AGAIN = "Add them again"
    VIEW = "What the camera sees"


@unique
class CameraScript(Code):
    """The words of ``camera.js``."""

    NOTHING_CLASS = "nothing of these"
    NOTHING_WHY = (
        "Show the camera the empty place, without anything of your classes. The model then knows when there is nothing."
    )
    STARTING = "Waiting for the camera. Your browser may ask whether this page may use it."
    READY = "The camera is on. Hold the button, or the space bar."
    WHICH_CLASS = "Write first which class the photos belong to."
    TAKEN = "{count:photo|photos}"
    ENOUGH = "That is enough of one hold. Turn the thing or change the place, then hold again."
    ADDING = "Adding {count:photo|photos} to “{label}”…"
    NOT_SENT = "The photos did not arrive. Press “Add them again”."
    GONE = "The camera was turned off or unplugged."
    READING_VIDEO = "Taking photos from the video…"
    NO_VIDEO = "This browser cannot read “{name}” as a video. Try a file that ends in .mp4 or .webm."


@unique
class CameraProblem(Code):
    """Why a camera cannot be shown, by the codes of ``camera.js``."""

    NONE = "There is no camera on this device. Choose photos instead, or take them with a phone."
    DENIED = (
        "This page may not use the camera. Allow it in the browser: press the sign beside the address of the page. "
        "Then turn on the camera again."
    )
    BUSY = "The camera cannot be turned on. Close other programs that use it, or reload the page. Then try again."
    INSECURE = (
        "A browser shows a live camera only on a secure page: one whose address begins with https, or one on this "
        "computer. Choose photos instead; a phone then offers its own camera."
    )


@unique
class PhoneCode(Code):
    """The panel of the Photos tab with which phones add photos to one class."""

    TITLE = "Take photos with a phone"
    ABOUT = (
        "A phone that opens the link can add photos to one class. It can do nothing else and sees none of your photos."
    )
    CLASS = "Class of the photos"
    CLASS_EXAMPLE = "for example: cat"
    START = "Show the code"
    OPEN = "Phones add photos to “{label}”"
    SCAN = "Point the camera of the phone at the code, or open the link there."
    CODE = "Code with the link for phones"
    SAME_NETWORK = "Does the phone find no page? It must be in the same network (Wi-Fi) as this computer."
    ARRIVED = "{count:photo|photos} came so far."
    ENDS = "The link ends by itself in {minutes:minute|minutes}."
    END = "End the link"
    ENDED = "The link has ended. No phone can add photos now."
    ONLY_HERE = (
        "Phones cannot reach this page: it answers only on this computer. Start the program with “--host 0.0.0.0”, "
        "then open this panel again."
    )
    NO_NETWORK = "This computer is in no network that a phone could join. Connect it first, then open this panel again."
    NO_ADDRESS = "It is not clear under which address this page is open; reload it and try again."


@unique
class PhonePageCode(Code):
    """The small page that a phone opens."""

    TITLE = "Add photos of “{label}”"
    ABOUT = "They go to the person who showed you the code. Nothing else of your phone is sent."
    TAKE = "Take photos"
    CHOOSE = "Choose photos"
    AGAIN = "Send the others again"
    GONE_TITLE = "This link has ended"
    GONE_HELP = "Ask the person who gave it to you for a new one."
    GONE = "This link has ended. Ask the person who gave it to you for a new one."
    NO_PHOTO = "This is no photo: “{name}” was not added."
    NOT_ADDED = "“{name}” was not added: {reason}"


@unique
class PhoneScript(Code):
    """The words of ``phone.js``, on the page that a phone opens."""

    SENDING = "Sending {done} of {total:photo|photos}…"
    ARRIVED = "{count:photo|photos} arrived. Thank you! You can add more."
    NOT_SENT = "{count:photo|photos} did not arrive. Is the phone still in the network?"
