"""Servers with a fault of text: the wrong charset, trimming, replacing or meddling."""

import re
import unicodedata

from conformance.specimens.base import BaseServer
from conformance.specimens.member import Member
from conformance.specimens.registry import LOSS, SHAPE, VIOLATION, WHICHEVER, fault
from conformance.specimens.text import NONCHARACTERS, UNSAFE, WHITE_SPACE

_LENIENT = re.compile(
    rb"[\xc2-\xdf][\x80-\xff]|[\xe0-\xef][\x80-\xff]{2}|[\xf0-\xf4][\x80-\xff]{3}"
)
CHARSET = f"TXT-2 TXT-3 TXT-4 TXT-5 {LOSS} {VIOLATION} QUIT-1 HB-1 FRM-2"


@fault("TXT-1", "reads Latin-1", may_break="TXT-2")
class ReadsLatin1(BaseServer):
    def decode(self, line: bytes) -> str:
        return line.decode("latin-1")


@fault("TXT-1", "reads GBK", may_break="HB-1 TXT-2 TXT-3 TXT-4")
class ReadsGbk(BaseServer):
    def decode(self, line: bytes) -> str:
        return line.decode("gbk")


@fault("TXT-1", "sends GB 18030")
class SendsGb18030(BaseServer):
    def compose(self, sender: Member, text: str) -> bytes:
        return super().compose(sender, text).decode().encode("gb18030")


@fault("TXT-1", "takes and sends encoded surrogates", may_break=f"{CHARSET} {SHAPE}")
class PassesSurrogates(BaseServer):
    def decode(self, line: bytes) -> str:
        return line.decode("utf-8", "surrogatepass")

    def compose(self, sender: Member, text: str) -> bytes:
        return super().compose(sender, "").removesuffix(b"\n") + (text + "\n").encode(
            "utf-8", "surrogatepass"
        )


@fault("TXT-1", "replaces encoded surrogates and takes the line", may_break=CHARSET)
class ForgivesSurrogates(BaseServer):
    def decode(self, line: bytes) -> str:
        text = line.decode("utf-8", "surrogatepass")
        return re.sub("[\ud800-\udfff]", "\ufffd", text)


@fault("TXT-1", "takes overlong forms of ASCII", may_break=CHARSET)
class TakesOverlongForms(BaseServer):
    def decode(self, line: bytes) -> str:
        def shorten(match: re.Match[bytes]) -> bytes:
            first, second = match.group()
            return bytes([(first & 0x01) << 6 | second & 0x3F])

        return re.sub(rb"[\xc0\xc1][\x80-\xbf]", shorten, line).decode()


@fault("TXT-1", "takes code points above U+10FFFF, as U+FFFD", may_break=CHARSET)
class TakesFiveOctetForms(BaseServer):
    def decode(self, line: bytes) -> str:
        wide = rb"\xf4[\x90-\xbf][\x80-\xbf]{2}|[\xf5-\xf7][\x80-\xbf]{3}|[\xf8-\xfb][\x80-\xbf]{4}"
        return re.sub(wide, "\ufffd".encode(), line).decode()


@fault("TXT-2", "replaces what does not decode", may_break=f"{LOSS} TXT-1 {VIOLATION}")
class ReplacesInvalid(BaseServer):
    def decode(self, line: bytes) -> str:
        return line.decode("utf-8", "replace")


@fault(
    "TXT-2", "leaves out what does not decode", may_break=f"{LOSS} TXT-1 {VIOLATION} QUIT-1 HB-1"
)
class IgnoresInvalid(BaseServer):
    def decode(self, line: bytes) -> str:
        return line.decode("utf-8", "ignore")


@fault("TXT-2", "passes over a line that does not decode", may_break=f"{LOSS} TXT-1 {VIOLATION}")
class SkipsInvalid(BaseServer):
    def violation(self, member: Member, code: str, line: bytes) -> None:
        if code != "invalid-text":
            super().violation(member, code, line)


@fault(
    "TXT-2",
    "hears nothing more of a member whose line does not decode, and leaves it connected",
    may_break=f"{LOSS} TXT-1 {VIOLATION} QUIT-1 QUIT-3 QUIT-5 STOP-1",
)
class MutesTheInvalid(BaseServer):
    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.muted: set[Member] = set()

    def violation(self, member: Member, code: str, line: bytes) -> None:
        if code == "invalid-text":
            self.muted.add(member)
        else:
            super().violation(member, code, line)

    def on_line(self, member: Member, line: bytes) -> None:
        if member not in self.muted:
            super().on_line(member, line)


@fault(
    "TXT-2",
    "says invalid-text of a line that is too long as well",
    may_break="LIM-2 ERR-3",
)
class InvalidBeforeLong(BaseServer):
    def violation(self, member: Member, code: str, line: bytes) -> None:
        try:
            line.decode()
        except UnicodeDecodeError as error:
            code = code if error.reason == "unexpected end of data" else "invalid-text"
        super().violation(member, code, line)


TRIMMING = "ROOM-1 ROOM-2 FRM-2 FRM-3 HB-1 QUIT-1 QUIT-2 TXT-4"


@fault(
    "TXT-3",
    "trims with str.strip(), which also eats U+001C to U+001F",
    may_break="TXT-4 HB-1 QUIT-2 ROOM-1 ROOM-2",
)
class TrimsAsPython(BaseServer):
    def trim(self, text: str) -> str:
        return text.strip()


@fault("TXT-3", "trims ASCII white space only", may_break=TRIMMING)
class TrimsAsciiOnly(BaseServer):
    def trim(self, text: str) -> str:
        return text.strip("\t\n\v\f\r ")


@fault("TXT-3", "trims at the end only", may_break=TRIMMING)
class TrimsTheEndOnly(BaseServer):
    def trim(self, text: str) -> str:
        return text.rstrip(WHITE_SPACE)


@fault("TXT-3", "trims U+200B, U+2060 and U+180E as well", may_break=f"TXT-5 {TRIMMING}")
class TrimsZeroWidth(BaseServer):
    def trim(self, text: str) -> str:
        return text.strip(WHITE_SPACE + "\u200b\u2060\u180e")


@fault("TXT-3", "makes one space of a run of white space", may_break="TXT-4 TXT-5")
class CollapsesWhiteSpace(BaseServer):
    def make_safe(self, text: str) -> str:
        return re.sub(f"[{WHITE_SPACE}]+", " ", super().make_safe(text))


@fault("TXT-3", "replaces before it trims", may_break=TRIMMING)
class ReplacesBeforeTrimming(BaseServer):
    def trim(self, text: str) -> str:
        return super().trim(self.make_safe(text.removesuffix("\r")))


RAW = "ROOM-2 FRM-2 FRM-3 TXT-3 TXT-5"


@fault("TXT-4", "relays control characters", may_break=RAW)
class RelaysControls(BaseServer):
    def make_safe(self, text: str) -> str:
        return text


@fault("TXT-4", "relays C1 controls", may_break=RAW)
class RelaysC1Controls(BaseServer):
    def make_safe(self, text: str) -> str:
        return re.sub("[^\x80-\x9f]+", lambda part: UNSAFE.sub("\ufffd", part.group()), text)


@fault("TXT-4", "relays an inner CR", may_break=RAW)
class RelaysCr(BaseServer):
    def make_safe(self, text: str) -> str:
        return "\r".join(map(super().make_safe, text.split("\r")))


@fault("TXT-4", "relays noncharacters", may_break=RAW)
class RelaysNoncharacters(BaseServer):
    def make_safe(self, text: str) -> str:
        return re.sub("[\0-\x08\x0a-\x1f\x7f-\x9f]", "\ufffd", text)


@fault("TXT-4", "leaves controls out", may_break="TXT-3")
class DropsControls(BaseServer):
    def make_safe(self, text: str) -> str:
        return UNSAFE.sub("", text)


@fault("TXT-4", "writes controls as escapes")
class EscapesControls(BaseServer):
    def make_safe(self, text: str) -> str:
        return UNSAFE.sub(lambda found: f"\\x{ord(found.group()):02x}", text)


@fault("TXT-4", "replaces a run of controls with one U+FFFD", may_break=RAW)
class ReplacesRuns(BaseServer):
    def make_safe(self, text: str) -> str:
        return re.sub(f"{UNSAFE.pattern}+", "\ufffd", text)


REFUSED = f"{WHICHEVER} {VIOLATION}"


class RefusesText(BaseServer):
    """Takes a line with one of these characters for one that does not decode."""

    refused = ""

    def decode(self, line: bytes) -> str:
        text = super().decode(line)
        if found := re.search(f"[{self.refused}]", text):
            raise UnicodeDecodeError("utf-8", line, *found.span(), "not a character of text")
        return text


@fault("TXT-4", "refuses a line with a noncharacter, as Perl's UTF-8 does", may_break=REFUSED)
class RefusesNoncharacters(RefusesText):
    refused = NONCHARACTERS


@fault("TXT-4", "refuses a line with a control character", may_break=REFUSED)
class RefusesControls(RefusesText):
    refused = "\0-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f"


@fault("TXT-5", "refuses a line with a character of four octets", may_break=REFUSED)
class RefusesFourOctets(RefusesText):
    refused = "\U00010000-\U0010ffff"


@fault("TXT-5", "normalises to NFC")
class Composes(BaseServer):
    def make_safe(self, text: str) -> str:
        return unicodedata.normalize("NFC", super().make_safe(text))


@fault("TXT-5", "normalises to NFKC", may_break="QUIT-2 ROOM-1 ROOM-2")
class ComposesCompatibly(BaseServer):
    def decode(self, line: bytes) -> str:
        return unicodedata.normalize("NFKC", super().decode(line))


@fault(
    "TXT-5",
    "strips U+FEFF from the start of a line",
    may_break="HB-1 QUIT-1 QUIT-2 TXT-3 ROOM-1 ROOM-2",
)
class StripsByteOrderMark(BaseServer):
    def decode(self, line: bytes) -> str:
        return line.decode("utf-8-sig")


@fault("TXT-5", "expands tabs", may_break="TXT-3 TXT-4")
class ExpandsTabs(BaseServer):
    def make_safe(self, text: str) -> str:
        return super().make_safe(text).expandtabs()


@fault("TXT-5", "replaces private-use code points", may_break="TXT-4 ROOM-2")
class ReplacesPrivateUse(BaseServer):
    def make_safe(self, text: str) -> str:
        private = "[\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]"
        return re.sub(private, "\ufffd", super().make_safe(text))


@fault("TXT-5", "replaces what str.isprintable() does not like")
class ReplacesUnprintable(BaseServer):
    def make_safe(self, text: str) -> str:
        return "".join(one if one.isprintable() else "\ufffd" for one in text)


@fault("TXT-5", "replaces U+2028 and U+2029", may_break="FRM-2 TXT-3 TXT-4 ROOM-2")
class ReplacesSeparators(BaseServer):
    def make_safe(self, text: str) -> str:
        return re.sub("[\u2028\u2029]", "\ufffd", super().make_safe(text))


@fault("TXT-5", "replaces what is outside the Basic Multilingual Plane", may_break="TXT-4 ROOM-2")
class KnowsOnePlane(BaseServer):
    def make_safe(self, text: str) -> str:
        return re.sub("[\U00010000-\U0010ffff]", "\ufffd", super().make_safe(text))


@fault("TXT-5", "escapes for HTML")
class EscapesHtml(BaseServer):
    def make_safe(self, text: str) -> str:
        escapes = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;"}
        return super().make_safe(text).translate(escapes)


@fault("TXT-1", "takes C0 80 for a NUL", may_break=CHARSET)
class ReadsModifiedUtf8(BaseServer):
    def decode(self, line: bytes) -> str:
        return line.replace(b"\xc0\x80", b"\0").decode()


@fault("TXT-5", "replaces U+FDC0 to U+FDFF and U+FFF0 to U+FFFC", may_break="TXT-4")
class ReplacesTheNeighbours(BaseServer):
    def make_safe(self, text: str) -> str:
        return re.sub("[\ufdc0-\ufdff\ufff0-\ufffc]", "\ufffd", super().make_safe(text))


@fault("TXT-4", "cuts a broadcast at 2,048 octets", may_break=f"LIM-1 FRM-1 {SHAPE} TXT-3 TXT-5")
class ComposesInTwoThousand(BaseServer):
    limit = 1_024

    def compose(self, sender: Member, text: str) -> bytes:
        unit = super().compose(sender, text)
        return unit[:2_047].decode("utf-8", "ignore").encode().rstrip(b"\n") + b"\n"


@fault("TXT-2", "takes any octet from 0x80 on for a continuation", may_break=CHARSET)
class TakesAnyContinuation(BaseServer):
    def decode(self, line: bytes) -> str:
        def mend(match: re.Match[bytes]) -> bytes:
            lead, *trail = match.group()
            return bytes([lead, *(0x80 | octet & 0x3F for octet in trail)])

        return _LENIENT.sub(mend, line).decode()


@fault("TXT-3", "takes U+001C to U+001F for white space where nothing else is said")
class TakesSeparatorsForBlank(BaseServer):
    def on_text(self, member: Member, text: str) -> None:
        super().on_text(member, "" if text.isspace() else text)
