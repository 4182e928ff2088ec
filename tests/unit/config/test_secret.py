"""Secrets are never shown."""

import copy
import json
import pickle
from pathlib import Path

import pytest
from pydantic import BaseModel

from sysproduction.config.home import Home
from sysproduction.config.loading import load
from sysproduction.config.process_models import nested
from sysproduction.config.secret import Secret
from sysproduction.config.settings import SECRETS, Settings

TEXT = "hunter2"


def test_no_way_of_printing_shows_the_text() -> None:
    """str, repr, format, % and containers show stars."""
    secret = Secret(TEXT)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r:>20}", f"{secret:>9}", "%s" % secret, str([secret])]  # noqa: UP031
    assert all(TEXT not in text and "***" in text for text in shown)
    assert secret.reveal() == TEXT


def test_it_is_neither_pickled_nor_written_as_json() -> None:
    """Both raise TypeError rather than give the text away; copies are the secret itself."""
    for write in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError):
            write(Secret(TEXT))
    assert copy.deepcopy([Secret(TEXT)]) == [Secret(TEXT)] != [Secret("other")]
    assert not hasattr(Secret(TEXT), "__dict__")


def test_every_secret_setting_is_listed_as_one() -> None:
    """Each field that can hold a Secret is in SECRETS, so that it is redacted, and nothing else is."""
    assert set(_secret_paths(Settings, ())) == set(SECRETS)


def test_settings_show_secrets_nowhere(tmp_path: Path) -> None:
    """repr, the model's JSON, and the rows for `config show` hold no secret; reveal gives it."""
    home = Home(tmp_path)
    home.private_config.write_text(
        f"mongo: mongodb://me:{TEXT}@h/\narctic: s3://h:b?secret={TEXT}\n"
        f"notify: {{slack: {{token: xoxb-{TEXT}, channel: '#a'}}, dead_man: {{url: https://h/{TEXT}}},"
        f" email: {{password: {TEXT}}}}}\n"
    )
    home.private_config.chmod(0o600)
    config = load(home, environ={})
    assert TEXT not in repr(config) + config.settings.model_dump_json() + str(config.settings.model_dump())
    assert {row.key for row in config.rows if row.value == "***"} == {".".join(path) for path in SECRETS}
    assert isinstance(config.settings.mongo, Secret)
    assert config.settings.mongo.reveal() == f"mongodb://me:{TEXT}@h/"
    assert config.warnings == ()


def _secret_paths(model: type[BaseModel], prefix: tuple[str, ...]) -> list[tuple[str, ...]]:
    paths = []
    for name, field in model.model_fields.items():
        if inner := nested(model, name):
            paths += _secret_paths(inner, (*prefix, name))
        elif "Secret" in str(field.annotation):
            paths.append((*prefix, name))
    return paths
