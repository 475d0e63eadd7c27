"""The model a policy names: where it lies, of what kind, which bytes, what its labels mean."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from callveil.schemas.entities import ENTITIES
from callveil.schemas.errors import UserError
from callveil.schemas.json_types import JsonObject
from callveil.schemas.plugins import RECOGNIZERS, Plugin, find_plugins
from callveil.schemas.policy import IGNORE, DetectionSettings

VERSION = f"callveil {version('callveil')}, presidio {version('presidio-analyzer')}"
"""What finds, as findings name it."""
BUILT_IN = ("embedded", "none")
"""Models that are part of callveil, and so of its version."""
SPACY, TOKENS, GLINER = "spaCy pipeline", "token classifier", "GLiNER model"
PICKLED = "pytorch_model.bin"
"""Weights in Python's form; most GLiNER models have it, and GLiNER runs no code that is in it."""

_LABELS = {
    "PERSON": "PER PERSONNAME PERSONS NAME FULLNAME FIRSTNAME GIVENNAME MIDDLENAME LASTNAME "
    "SURNAME FAMILYNAME PATIENT DOCTOR STAFF HCW",
    "LOCATION": "LOC GPE FAC CITY STATE COUNTY COUNTRY REGION PLACE",
    "ADDRESS": "STREET STREETADDRESS STREETNAME BUILDINGNUM BUILDINGNUMBER SECONDARYADDRESS",
    "ZIP_CODE": "ZIP ZIPCODE POSTCODE POSTALCODE",
    "ORGANIZATION": "ORG ORGANISATION COMPANY COMPANYNAME CORPORATION HOSP HOSPITAL PATORG",
    "NRP": "NORP NATIONALITY RELIGION",
    "DATE_TIME": "DATE TIME",
    "DATE_OF_BIRTH": "DOB BIRTHDATE",
    "PHONE_NUMBER": "PHONE PHONENUM TELEPHONE TELEPHONENUM TELEPHONENUMBER MOBILENUMBER FAX",
    "EMAIL_ADDRESS": "EMAIL MAIL",
    "CREDIT_CARD": "CREDITCARDNUMBER CARDNUMBER",
    "US_SSN": "SSN SOCIALNUM SOCIALSECURITYNUMBER",
    "IBAN_CODE": "IBAN",
    "ACCOUNT_ID": "ACCOUNTNUM ACCOUNTNUMBER",
    "US_PASSPORT": "PASSPORT PASSPORTNUM PASSPORTNUMBER",
    "US_DRIVER_LICENSE": "DRIVERLICENSE DRIVERLICENSENUM DRIVERSLICENSE DRIVINGLICENCE",
    "ID": "IDNUM IDCARDNUM TAXNUM",
    "IP_ADDRESS": "IP IPV4 IPV6",
}
IGNORED_LABELS = (
    "CARDINAL",
    "ORDINAL",
    "QUANTITY",
    "PERCENT",
    "MONEY",
    "LANGUAGE",
    "LAW",
    "PRODUCT",
    "EVENT",
    "WORK_OF_ART",
    "MISC",
    "O",
)
"""Labels of what is nobody's."""
DEFAULT_LABELS: Mapping[str, str] = {
    **{entity.replace("_", ""): entity for entity in ENTITIES},
    **{label: entity for entity, labels in _LABELS.items() for label in labels.split()},
    **{label.replace("_", ""): IGNORE for label in IGNORED_LABELS},
}
"""What labels usually mean, by letters and digits alone; a type's own name means that type."""
ASKED: Mapping[str, str] = {
    "person": "PERSON",
    "location": "LOCATION",
    "organization": "ORGANIZATION",
    "address": "ADDRESS",
}
"""What a GLiNER model, which finds what it is asked for, is asked for by itself."""


class ModelError(UserError, RuntimeError):
    """A model named by the policy cannot be used; the message says which and how to mend it."""


def folder_of(name: str) -> Path | None:
    """Tell where a model lies: the path itself, or an installed pipeline's; None where there is
    none.
    """
    if name in BUILT_IN:
        return None
    if Path(name).exists():
        return Path(name)
    try:
        found = find_spec(name)
    except (ImportError, ValueError):  # a name with dots or a path, and nothing there
        return None
    places = found.submodule_search_locations if found else None
    return Path(places[0]) if places else None


def model_kind(folder: Path) -> str:
    """Return `SPACY`, `TOKENS` or `GLINER`, told by what the folder holds.

    Raises `ModelError` for a model of Hugging Face's form that is neither of these, or that would
    have code of its own run when it is loaded.
    """
    weights = ["*.safetensors"]
    if (folder / "gliner_config.json").is_file():
        kind, config = GLINER, _json(folder / "gliner_config.json")
        weights = ["model.safetensors", PICKLED]
    elif (folder / "config.json").is_file() and not (folder / "config.cfg").is_file():
        kind, config = TOKENS, _json(folder / "config.json")
        made = [str(a) for a in config.get("architectures") or ()]
        if not any(a.endswith("ForTokenClassification") for a in made):
            raise ModelError(
                f"detect.model: {folder} holds no token classifier: architectures in its "
                f"config.json says {', '.join(made) or 'nothing'}"
            )
    else:
        return SPACY
    if not any(path for form in weights for path in folder.glob(form)):
        raise ModelError(
            f"detect.model: {folder} holds no {' or '.join(weights)}: save the model so "
            "(`save_pretrained`); other forms may run code when they are loaded"
        )
    if "auto_map" in json.dumps(config):
        raise ModelError(
            f"detect.model: {folder} has code of its own to be run (auto_map), which is not done"
        )
    return kind


def _json(path: Path) -> JsonObject:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as problem:
        what = f"detect.model: {path} cannot be read ({type(problem).__name__})"
        raise ModelError(what) from None
    return value if isinstance(value, dict) else {}


def map_labels(labels: Iterable[str], given: Mapping[str, str], name: str) -> dict[str, str]:
    """Return the entity type of each label a model gives, without those to be ignored.

    Args:
        labels: the model's, without marks of beginning and end.
        given: the policy's table, by label; it goes before `DEFAULT_LABELS`.
        name: of the model, for the message.

    Raises `ModelError` where neither has a label: it would go unfound without a word.
    """
    table = {**DEFAULT_LABELS, **{_folded(k): v for k, v in given.items()}}
    found = {label: table.get(_folded(label)) for label in sorted(set(labels))}
    unknown = [label for label, meaning in found.items() if meaning is None]
    if unknown:
        raise ModelError(
            f"detect.model: nobody says what {', '.join(unknown[:20])} of {name} mean. Give each "
            f"an entity type, or `{IGNORE}`, in the policy: "
            f"detect: {{labels: {{{unknown[0]}: PERSON}}}}"
        )
    return {label: meaning for label, meaning in found.items() if meaning and meaning != IGNORE}


def _folded(label: str) -> str:
    return re.sub("[^A-Z0-9]", "", label.upper())


def model_fingerprint(settings: DetectionSettings) -> str:
    """Return names and SHA-256 of all that finds and is no part of callveil: models a policy names,
    and recognizers of others. Empty where there are none.

    The policy's own digest has the names alone, and what lies under a name may change.
    """
    told = [f"{name} sha256:{told}" for name, told in model_digests(settings).items()]
    plugins = find_plugins(RECOGNIZERS).values()
    return ", ".join(
        (*told, *(plugin_fingerprint(p) for p in plugins if p.name not in settings.disable))
    )


def plugin_fingerprint(plugin: Plugin) -> str:
    """Return the name and version of a plugin, and SHA-256 of the package its module lies in: an
    editable one may change under its version.

    Raises `PluginError` where there is no such module.
    """
    try:
        spec = find_spec(plugin.module)
    except Exception as error:
        raise plugin.failed(f"cannot be imported ({type(error).__name__}: {error})") from error
    if spec is None or not spec.origin:
        raise plugin.failed("there is no such module")
    file = Path(spec.origin)
    alone = "." not in plugin.module and not spec.submodule_search_locations
    digest = folder_digest(file if alone else file.parent)
    return f"{plugin.distribution} {plugin.version} {plugin.name} sha256:{digest}"


def model_digests(settings: DetectionSettings) -> dict[str, str]:
    """SHA-256, by name, of every model a policy names that is no part of callveil."""
    names = {name for lang in settings.languages for name in settings.models_for(lang)}
    folders = {name: folder_of(name) for name in sorted(names)}
    return {name: folder_digest(folder) for name, folder in folders.items() if folder is not None}


@lru_cache(maxsize=16)
def folder_digest(folder: Path) -> str:
    """SHA-256 of the files of a model or plugin, names and bytes, hex; `folder` may be one file.
    Read once a process, as they are.
    """
    whole = hashlib.sha256()
    for path in sorted(p for p in (folder, *folder.rglob("*")) if p.is_file()):
        name = path.relative_to(folder)
        if not any(part.startswith(".") or part == "__pycache__" for part in name.parts):
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            whole.update(f"{name.as_posix()}\0{content}\n".encode())
    return whole.hexdigest()
