"""The input line at the bottom of the terminal, with messages scrolling above it.

A single prompt_toolkit application runs all the time, so that no key is lost between two prompts.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

from prompt_toolkit import PromptSession
from prompt_toolkit.buffer import Buffer, ValidationState
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.styles import Style
from prompt_toolkit.validation import ValidationError, Validator

from chat_client.showing import STYLES, Pieces

_STYLE: Final = Style.from_dict({**STYLES, "validation-toolbar": "bold ansired"})


class Editor:
    """An editor of the input line, until Ctrl-D on an empty line or `end`; output goes above it.

    `refuse` says what is wrong with a line, which then stays for correction. `accept` is called
    with a correct one. `interrupt` is called for Ctrl-C, which clears the line first.
    """

    def __init__(
        self,
        prompt: Callable[[], str],
        refuse: Callable[[str], str | None],
        accept: Callable[[str], None],
        interrupt: Callable[[], None],
    ) -> None:
        self._accept = accept
        self._interrupt = interrupt
        self._session: PromptSession[str] = PromptSession(
            lambda: [("class:status", prompt())],
            style=_STYLE,
            validator=_Refusing(refuse),
            validate_while_typing=False,
            key_bindings=self._keys(),
            reserve_space_for_menu=0,
            enable_suspend=True,
            erase_when_done=True,
        )
        self._session.default_buffer.accept_handler = self._take

    @property
    def columns(self) -> int:
        """The width of the terminal."""
        return self._session.app.output.get_size().columns

    async def run(self, begun: Callable[[], None]) -> None:
        """Edit until Ctrl-D or `end`. `begun` is called once keys are read."""

        def soon() -> None:
            # The terminal leaves line mode just after this, in the same step.
            asyncio.get_running_loop().call_soon(begun)

        with contextlib.suppress(EOFError):
            await self._session.prompt_async(handle_sigint=False, pre_run=soon)

    def end(self) -> None:
        """End editing at any time, and remove the line."""
        if self._session.app.is_running and not self._session.app.is_done:
            self._session.app.exit(exception=EOFError)

    def show(self, pieces: Pieces) -> None:
        """Show whole lines above the one being edited."""
        app = self._session.app
        if app.is_running:
            app.renderer.erase()
        print_formatted_text(app.output, FormattedText(pieces), _STYLE, color_depth=app.color_depth)
        app.output.flush()
        app.invalidate()

    def _take(self, buffer: Buffer) -> bool:
        self._accept(buffer.text)
        return False

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("enter")
        def _(event: KeyPressEvent) -> None:
            # A line that was refused may be accepted now, though no key was pressed since.
            event.current_buffer.validation_state = ValidationState.UNKNOWN
            event.current_buffer.validate_and_handle()

        @keys.add("c-c")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.reset()
            self._interrupt()

        return keys


class _Refusing(Validator):
    def __init__(self, refuse: Callable[[str], str | None]) -> None:
        self._refuse = refuse

    def validate(self, document: Document) -> None:
        reason = self._refuse(document.text)
        if reason is not None:
            raise ValidationError(len(document.text), reason)
