"""Verdicts in a player's words: what went wrong and how the next drive gets better."""

from scalediff_contract.reasons import Reason
from scalediff_contract.uploads import PlayerStatus

_UPLOAD = "Nothing is wrong with your driving. Reload the page before the next drive."
_OURS = "This is our fault, not yours. We will try again by ourselves; there is nothing for you to do."
_RECORDER = "Reload the page to get the newest recorder, then drive again."

SENTENCES: dict[Reason, str] = {
    Reason.UNRECOGNISED_KEY: f"A file arrived under a name that we do not know. {_UPLOAD}",
    Reason.INCOMPLETE: "Some files of this drive never arrived. Open the game again with a good connection: "
    "it sends what is missing. Keep the page open until it says that the upload is done.",
    Reason.OBJECT_MISSING: f"A file of this drive is gone from our store. {_OURS}",
    Reason.SESSION_ID_TAKEN: "Another player's drive has this number. Start a new drive; it gets its own.",
    Reason.DUPLICATE_CONTENT: "We have this drive already. Each drive counts once; take another street next "
    "time.",
    Reason.CONFLICTING_REUPLOAD: "The same drive was sent twice with different content. Drives must arrive "
    "as they were recorded; start a new one.",
    Reason.SUPERSEDED: "A newer upload of this drive has taken its place. There is nothing for you to do.",
    Reason.NO_VIDEO: "The recording holds no picture. Wait until the painted city moves before you set off, "
    "and keep the tab in front until the drive ends.",
    Reason.NOT_WEBM: f"The recording is no WebM video. {_RECORDER}",
    Reason.WRONG_CODEC: f"The video's format is not one that we can read. {_RECORDER} Chrome works best.",
    Reason.BAD_DIMENSIONS: "The picture is too small or too large. Use a normal window: neither tiny nor "
    "larger than full HD.",
    Reason.TOO_LARGE: "A file of this drive is too large. Keep drives to a minute; they end by themselves.",
    Reason.TOO_LONG: "The drive is too long. Keep drives to a minute; they end by themselves.",
    Reason.TOO_MANY_FRAMES: "The recording holds too many pictures for its length. Keep drives to a minute "
    "and use a screen of 60 Hz.",
    Reason.INVALID_JSON: f"A log of this drive cannot be read. {_RECORDER}",
    Reason.INVALID_FIELD: f"A log of this drive holds a value that cannot be. {_RECORDER}",
    Reason.SESSION_ID_MISMATCH: f"The files of this drive name different drives. {_RECORDER}",
    Reason.WALLET_MISMATCH: "The recording names another wallet than the one that uploaded it. Sign in with "
    "the wallet that you drive with, and do not switch during a drive.",
    Reason.NO_START_TIME: "The recording never started. Set off only when the painted city moves.",
    Reason.HASH_MISMATCH: "A file was changed after recording. Drives must arrive as they were recorded.",
    Reason.EVENT_COUNT_MISMATCH: f"Some of your inputs are missing from the log. {_RECORDER}",
    Reason.CLOCK_CONTRADICTION: "The clocks of picture and inputs contradict each other. Close other heavy "
    "tabs, keep the game in front, and do not let the computer sleep during a drive.",
    Reason.FRAME_ID_MISMATCH: "Pictures and inputs do not belong together. Keep the game's window unscaled "
    "and in front, and reload the page before the next drive.",
    Reason.TRUNCATED_VIDEO: "The video ends before the drive does. Keep the page open until it says that the "
    "upload is done.",
    Reason.DECODE_FAILED: f"The video is damaged and cannot be shown. {_RECORDER}",
    Reason.NO_USABLE_RUN: "The picture stuttered so often that no five seconds in a row can be used. Close "
    "other tabs, use a cable or sit closer to the router, and keep the game in front.",
    Reason.IDLE: "The car hardly moved. Keep driving: turn, brake and follow the traffic.",
    Reason.WORKER_DIED: f"Checking this drive broke off. {_OURS}",
    Reason.WORKER_TIMED_OUT: f"Checking this drive took too long. {_OURS}",
    Reason.STORE_FAILED: f"Our store did not answer while this drive was checked. {_OURS}",
}

_WRONG = "If that is wrong, tell us this drive's number: a person looks at it."

# By the rules of `scalediff_assets/payouts`; names only, so that nobody learns here where a limit lies.
UNPAID: dict[str, str] = {
    "copied_drive": "the same drive was sent before. Each drive counts once.",
    "copied_pictures": "its pictures were sent before. Each drive counts once.",
    "scripted_input": "its keys were pressed as no hand does. Drive it yourself.",
    "replayed_inputs": "its keys are those of an earlier drive. Drive it yourself.",
    "unexplained_motion": "its keys do not explain how the car moved.",
    "repeated_video": "its pictures stand still or repeat while the car drives on.",
    "no_server_session": "it was not uploaded under a sign-in of this wallet.",
    "farmed_scenario": "the day's drives of this scenario were enough. Choose another one.",
    "crowded_network": "too many wallets drove from its network that day; it waits for somebody to look.",
}

_STATUSES: dict[PlayerStatus, str] = {
    "issued": "Not uploaded yet. Keep the page open until it says that the upload is done.",
    "collecting": "Uploaded and being checked. Come back in an hour.",
    "quarantined": "Set aside until what is missing arrives. Open the game again: it sends the rest.",
    "rejected": "Not taken. Try another drive with a steady picture and a good connection.",
    "accepted": "Taken. Thank you: models learn from this drive.",
}


def verdict_of(
    status: PlayerStatus,
    reason: str | None,
    segments: int | None,
    segments_passed: int | None,
    unpaid_rule: str | None = None,
) -> str:
    """The sentence for a session.

    Args:
        status: Where the session is.
        reason: The code behind it; one that this version does not know gives the status's sentence.
        segments: Cut from it, where that is known.
        segments_passed: Of them, those that are used.
        unpaid_rule: Why it earns nothing though it was accepted.
    """
    known = {member.value: sentence for member, sentence in SENTENCES.items()}
    if reason in known:
        return known[reason]
    if status == "accepted" and unpaid_rule is not None:
        return f"Taken, but it earns nothing: {UNPAID.get(unpaid_rule, f'{unpaid_rule}.')} {_WRONG}"
    if status == "accepted" and segments is not None and segments_passed is not None:
        return f"{_STATUSES[status]} {segments_passed} of its {segments} pieces of five seconds are used."
    return _STATUSES[status]
