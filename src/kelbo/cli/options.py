"""One option for each setting of a fit, made from its rule."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from kelbo.runs.config import FitConfig, rules
from kelbo.runs.settings import Choice, Setting

_PANELS = {
    "data": "Data",
    "latent_dim": "Model",
    "kl": "Training",
    "log_likelihood_samples": "Figures",
}


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command an option for every field of `FitConfig` but `data`.

    Args:
        command: Takes the options that a person gave as a mapping, its argument `settings`.

    Returns:
        A function for typer.
    """
    own = inspect.signature(command, eval_str=True).parameters
    added = {name: parameter for name, parameter in _parameters().items() if name not in own}

    @functools.wraps(command)
    def run(**arguments: Any) -> Any:
        typed = {name: arguments.pop(name) for name in added}
        settings = {
            name: rules()[name].parsed(f"--{name.replace('_', '-')}", text)
            for name, text in typed.items()
            if text is not None
        }
        return command(**arguments, settings=settings)

    kept = [parameter for name, parameter in own.items() if name != "settings"]
    run.__signature__ = inspect.Signature([*kept, *added.values()])
    run.__annotations__ = {
        name: parameter.annotation for name, parameter in run.__signature__.parameters.items()
    }
    return run


def _parameters() -> dict[str, inspect.Parameter]:
    defaults, panel, parameters = FitConfig().as_dict(), "", {}
    for name, rule in rules().items():
        panel = _PANELS.get(name, panel)
        option = typer.Option(
            f"--{name.replace('_', '-')}",
            help=_help(rule, defaults[name]),
            metavar=rule.metavar,
            rich_help_panel=panel,
            show_default=False,
        )
        parameters[name] = inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[str | None, option],
        )
    return parameters


def _help(rule: Setting, default: Any) -> str:
    text = f"{rule.help[0].upper()}{rule.help[1:]}"
    if isinstance(rule, Choice):
        text += f": {', '.join(rule.names)}"
    if isinstance(default, list):
        default = ",".join(map(str, default))
    return f"{text}. (default: {'none' if default in (None, '') else default})"
