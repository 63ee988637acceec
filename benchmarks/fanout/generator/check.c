/* An observer reads units, and holds every octet against what the sender had sent. */
#include "check.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

uint64_t count_lines(const char *octets, size_t length) {
    uint64_t lines = 0;
    while (length > 0) {
        /* Sums of 255 or fewer fit an octet: the compiler makes vectors of this. */
        size_t block = length < 192 ? length : 192;
        unsigned char found = 0;
        for (size_t i = 0; i < block; i++)
            found = (unsigned char)(found + (octets[i] == '\n'));
        lines += found;
        octets += block;
        length -= block;
    }
    return lines;
}

static void complain(struct load *load, const char *octets, size_t length) {
    load->wrong++;
    if (load->evidence[0] != '\0')
        return;
    size_t shown = length < EVIDENCE - 1 ? length : EVIDENCE - 1;
    for (size_t i = 0; i < shown; i++)
        load->evidence[i] = isprint((unsigned char)octets[i]) && octets[i] != '"' &&
                            octets[i] != '\\' ? octets[i] : '?';
    load->evidence[shown > 0 ? shown : 1] = '\0';
}

static bool is_number(const char *octets, size_t digits, uint32_t *value) {
    *value = 0;
    for (size_t i = 0; i < digits; i++) {
        if (octets[i] < '0' || octets[i] > '9')
            return false;
        *value = *value * 10 + (uint32_t)(octets[i] - '0');
    }
    return true;
}

static bool is_stamp(const char *octets) {
    static const char shape[STAMP + 1] = "dddddddd dd:dd:dd ";
    for (int i = 0; i < STAMP; i++)
        if (shape[i] == 'd' ? !isdigit((unsigned char)octets[i]) : octets[i] != shape[i])
            return false;
    return true;
}

/* Whether the header is this sender's: `YYYYMMDD HH:MM:SS HOST:PORT`, or `:NICK!... PRIVMSG #b :` */
static bool is_header(const struct load *load, const struct sender *sender, const char *header,
                      size_t length) {
    if (load->options.dialect == IRC) {
        static const char command[] = " PRIVMSG #b :";
        size_t tail = sizeof command - 1;
        return length > sender->name_length + tail &&
               memcmp(header, sender->name, sender->name_length) == 0 &&
               memcmp(header + length - tail, command, tail) == 0;
    }
    return length == STAMP + sender->name_length && is_stamp(header) &&
           memcmp(header + STAMP, sender->name, sender->name_length) == 0;
}

/* The length of the unit that begins here; 0 where its end has not come yet. */
static size_t unit_length(const struct load *load, const char *unit, size_t length,
                          size_t *header) {
    const char *end;
    if (load->options.dialect == IRC) {
        end = memchr(unit, '\n', length);
        if (end == NULL)
            return 0;
        size_t whole = (size_t)(end - unit) + 1, text = (size_t)load->options.text + 2;
        *header = whole > text ? whole - text : 0;
        return whole;
    }
    end = memchr(unit, '\n', length);
    if (end == NULL)
        return 0;
    *header = (size_t)(end - unit);
    size_t before = *header + 1;
    end = memchr(unit + before, '\n', length - before);
    return end == NULL ? 0 : (size_t)(end - unit) + 1;
}

static void check_unit(struct load *load, struct checker *checker, const char *unit, size_t length,
                       size_t header) {
    const struct options *options = &load->options;
    size_t text_at = options->dialect == IRC ? header : header + 1;
    size_t tail = options->dialect == IRC ? 2 : 1;
    const char *text = unit + text_at;
    uint32_t who, number;
    if (header == 0 || length != text_at + (size_t)options->text + tail ||
        !is_number(text, 4, &who) || who >= (uint32_t)options->senders || text[4] != ' ' ||
        !is_number(text + 5, 8, &number)) {
        complain(load, unit, length);
        return;
    }
    struct sender *sender = &load->senders[who];
    const char *rest = sender->line + sender->text_at + 13;
    if (!is_header(load, sender, unit, header) ||
        memcmp(text + 13, rest, (size_t)options->text - 13) != 0) {
        complain(load, unit, length);
        return;
    }
    checker->order = (checker->order ^ ((uint64_t)who << 32 | number)) * 1099511628211u;
    if (number != checker->next[who]) {
        load->disordered += number > checker->next[who];
        load->doubled += number < checker->next[who];
    }
    checker->next[who] = number + 1;
    if (checker->releases == sender && sender->seen < sender->sent)
        sender->seen++;
}

void check(struct load *load, struct member *member, size_t came) {
    struct checker *checker = member->checker;
    size_t at = 0, end = checker->held + came, header = 0;
    for (;;) {
        size_t length = unit_length(load, checker->octets + at, end - at, &header);
        if (length == 0)
            break;
        check_unit(load, checker, checker->octets + at, length, header);
        at += length;
    }
    checker->held = end - at;
    if (checker->held >= CHECK_SIZE / 2) { /* no unit is as long */
        complain(load, checker->octets + at, checker->held);
        checker->held = 0;
    }
    memmove(checker->octets, checker->octets + at, checker->held);
}
