"""What Home Assistant is told of a device, so that its cameras are there without a line written by hand.

One message for the whole device, retained, on `homeassistant/device/<object>/config`:
https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload. Root keys that Home Assistant does not know
make it drop the device, so there are none; a part that is no more is told once with its platform alone.
"""

import re
from collections.abc import Collection
from typing import Any

from tapetum.alerts.topics import Topics
from tapetum.scene import Condition

_NO_ID = re.compile(r"[^A-Za-z0-9_-]")
_TROUBLE = (Condition.MOVED, Condition.SHAKEN, Condition.COVERED, Condition.FROZEN, Condition.LOST)
_PLATFORMS = {
    "motion": "binary_sensor",
    "condition": "sensor",
    "tampered": "binary_sensor",
    "damped": "sensor",
    "clear_damped": "button",
    "snapshot": "image",
}

_LONGEST = 255  # characters of a summary: as its update integration takes them

Part = dict[str, Any]


def topic(device: str) -> str:
    """Return where Home Assistant looks for `device`."""
    return f"homeassistant/device/{_id(device)}/config"


def discovery(topics: Topics, cameras: Collection[str], gone: Collection[str], version: str) -> dict[str, Any]:
    """Return the message for the device of `topics`, which has `cameras`, and had those that are `gone`."""
    model = _id(f"{topics.device}_model")
    parts: dict[str, Part] = {model: {"platform": "update", "unique_id": model} | _model(topics)}
    for camera in cameras:
        for name, part in _parts(topics, camera).items():
            own = _id(f"{topics.device}_{camera}_{name}")
            parts[own] = {"platform": _PLATFORMS[name], "unique_id": own} | part
    for camera in gone:
        parts |= {_id(f"{topics.device}_{camera}_{name}"): {"platform": kind} for name, kind in _PLATFORMS.items()}
    return {
        "device": {"identifiers": [_id(topics.device)], "name": topics.device, "manufacturer": "Tapetum"},
        "origin": {"name": "tapetum", "sw_version": version},
        "availability": [
            {
                "topic": topics.of_device("state"),
                "value_template": "{{ value_json.status }}",
                "payload_available": "online",
                "payload_not_available": "offline",
            }
        ],
        "qos": 1,
        "components": parts,
    }


def update_state(installed: str, latest: str, under_way: bool, summary: str) -> dict[str, Any]:
    """Return the state of the `update` entity: one key more, and Home Assistant drops all of it.

    https://www.home-assistant.io/integrations/update.mqtt/#state_topic; models by `name@version`, "" for none.
    """
    return {
        "installed_version": installed or "none",
        "latest_version": latest or installed or "none",
        "in_progress": under_way,
        "release_summary": summary[:_LONGEST],
    }


def _model(topics: Topics) -> Part:
    """Return the entity of the model that runs, and of one that is on its way to be."""
    return {
        "name": "Model",
        "title": "Model",
        "entity_category": "diagnostic",
        "state_topic": topics.of_device("model/update"),
    }


def _parts(topics: Topics, camera: str) -> dict[str, Part]:
    """Return the entities of one camera by their name."""
    condition, damped = topics.of_camera(camera, "condition"), topics.of_camera(camera, "damped")
    trouble = ", ".join(f"'{one}'" for one in _TROUBLE)
    return {
        "motion": {
            "name": f"{camera} motion",
            "device_class": "motion",
            "state_topic": topics.of_camera(camera, "motion"),
        },
        "condition": {
            "name": f"{camera} picture",
            "device_class": "enum",
            "options": [str(one) for one in Condition],
            "entity_category": "diagnostic",
            "state_topic": condition,
            "value_template": "{{ value_json.condition }}",
            "json_attributes_topic": condition,
        },
        "tampered": {
            "name": f"{camera} tampered with",
            "device_class": "tamper",
            "state_topic": condition,
            "value_template": f"{{{{ 'ON' if value_json.condition in [{trouble}] else 'OFF' }}}}",
        },
        "damped": {
            "name": f"{camera} damped areas",
            "entity_category": "diagnostic",
            "state_topic": damped,
            "value_template": "{{ value_json.areas | count }}",
            "json_attributes_topic": damped,
        },
        "clear_damped": {
            "name": f"{camera} forget damped areas",
            "entity_category": "config",
            "command_topic": topics.clear_damped,
            "payload_press": camera,
        },
        "snapshot": {
            "name": f"{camera} last alert",
            "image_topic": topics.of_camera(camera, "snapshot"),
            "content_type": "image/jpeg",
        },
    }


def _id(text: str) -> str:
    """Return `text` as Home Assistant takes ids: letters, digits, `_` and `-`."""
    return _NO_ID.sub("_", text)
