/* java.text.SimpleDateFormat in the English locale and the server's zone. */
#include <stdio.h>
#include <string.h>
#include <unicode/ucal.h>
#include <unicode/ustring.h>

#include "expr/java_time.h"

static const char *const months[] = { "January", "February", "March", "April", "May", "June",
	"July", "August", "September", "October", "November", "December" };
static const char *const days[] = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
	"Saturday", "Sunday" };

/* A run of one letter, or text. */
struct run {
	char letter; /* 0 = text */
	size_t count;
	struct str text;
};

/* Cuts the next run off *REST; false at the end. Quotes hold text, two of them one. */
static bool next_run(struct str *rest, struct run *ret)
{
	if (!rest->length)
		return false;
	char c = rest->bytes[0];
	size_t count = 1;
	*ret = (struct run){ 0 };
	if (c == '\'' && rest->length > 1 && rest->bytes[1] == '\'') {
		ret->text = str_slice(*rest, 0, 1);
		count = 2;
	} else if (c == '\'') {
		const char *end = memchr(rest->bytes + 1, '\'', rest->length - 1);
		size_t inside = end ? (size_t)(end - rest->bytes) - 1 : rest->length - 1;
		ret->text = str_slice(*rest, 1, 1 + inside);
		count = end ? inside + 2 : rest->length;
	} else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
		while (count < rest->length && rest->bytes[count] == c)
			count++;
		ret->letter = c;
		ret->count = count;
	} else {
		ret->text = str_slice(*rest, 0, 1);
	}
	*rest = str_slice(*rest, count, rest->length);
	return true;
}

static void add_padded(struct strbuf *buf, int64_t number, size_t width)
{
	if (width > 20)
		width = 20;
	strbuf_printf(buf, "%0*lld", (int)width, (long long)number);
}

/* Weeks begin on Sunday, and the one with January 1st is the first (US). */
static int64_t week_of_year(const struct wall *wall, int64_t *ret_year)
{
	int64_t sunday = wall->days - (civil_weekday(wall->days) + 1) % 7;
	int64_t year = wall->date.year;
	int64_t next = civil_to_days((struct civil){ year + 1, 1, 1 });
	if (sunday + 6 >= next)
		year++;
	int64_t first = civil_to_days((struct civil){ year, 1, 1 });
	int64_t first_sunday = first - (civil_weekday(first) + 1) % 7;
	*ret_year = year;
	return (sunday - first_sunday) / 7 + 1;
}

static int64_t week_of_month(const struct wall *wall)
{
	int64_t first = wall->days - wall->date.day + 1;
	int64_t first_sunday = first - (civil_weekday(first) + 1) % 7;
	return (wall->days - first_sunday) / 7 + 1;
}

static void add_offset(struct strbuf *buf, int offset_s, bool colon, size_t count)
{
	int minutes = offset_s / 60;
	char sign = minutes < 0 ? '-' : '+';
	minutes = minutes < 0 ? -minutes : minutes;
	strbuf_printf(buf, "%c%02d", sign, minutes / 60);
	if (count > 1)
		strbuf_printf(buf, "%s%02d", colon ? ":" : "", minutes % 60);
}

/* "Central European Summer Time" */
static void add_zone_name(struct strbuf *buf, const struct wall *wall)
{
	UErrorCode status = U_ZERO_ERROR;
	UChar name[128];
	char text[256] = "";
	UCalendar *calendar = ucal_open(NULL, 0, "en", UCAL_GREGORIAN, &status);
	ucal_getTimeZoneDisplayName(calendar, wall->daylight ? UCAL_DST : UCAL_STANDARD, "en", name,
		sizeof(name) / sizeof(name[0]), &status);
	u_strToUTF8(text, sizeof(text), NULL, name, -1, &status);
	ucal_close(calendar);
	strbuf_add_text(buf, U_SUCCESS(status) ? text : wall->zone);
}

/* The year and what else is text; false when the letter is none of these. */
static bool add_name(struct strbuf *buf, const struct run *run, const struct wall *wall)
{
	int64_t week_year = wall->date.year;
	switch (run->letter) {
	case 'Y':
		week_of_year(wall, &week_year);
		break;
	case 'y':
		break;
	case 'G':
		strbuf_add_text(buf, wall->date.year > 0 ? "AD" : "BC");
		return true;
	case 'M':
	case 'L':
		if (run->count >= 4)
			strbuf_add_text(buf, months[wall->date.month - 1]);
		else if (run->count == 3)
			strbuf_add(buf, months[wall->date.month - 1], 3);
		else
			add_padded(buf, wall->date.month, run->count);
		return true;
	case 'E':
		strbuf_add(buf, days[civil_weekday(wall->days)],
			run->count >= 4 ? strlen(days[civil_weekday(wall->days)]) : 3);
		return true;
	case 'a':
		strbuf_add_text(buf, wall->hour < 12 ? "AM" : "PM");
		return true;
	case 'z':
		if (run->count < 4)
			strbuf_add_text(buf, wall->zone);
		else
			add_zone_name(buf, wall);
		return true;
	case 'Z':
		add_offset(buf, wall->offset_s, false, 2);
		return true;
	case 'X':
		if (wall->offset_s == 0)
			strbuf_add_char(buf, 'Z');
		else
			add_offset(buf, wall->offset_s, run->count == 3, run->count);
		return true;
	default:
		return false;
	}
	if (run->count == 2)
		add_padded(buf, week_year % 100, 2);
	else
		add_padded(buf, week_year, run->count);
	return true;
}

static bool number_of(char letter, const struct wall *wall, int64_t *ret)
{
	int64_t year;
	switch (letter) {
	case 'd':
		*ret = wall->date.day;
		return true;
	case 'H':
		*ret = wall->hour;
		return true;
	case 'k':
		*ret = wall->hour ? wall->hour : 24;
		return true;
	case 'K':
		*ret = wall->hour % 12;
		return true;
	case 'h':
		*ret = wall->hour % 12 ? wall->hour % 12 : 12;
		return true;
	case 'm':
		*ret = wall->minute;
		return true;
	case 's':
		*ret = wall->second;
		return true;
	case 'S':
		*ret = wall->milli;
		return true;
	case 'D':
		*ret = wall->days - civil_to_days((struct civil){ wall->date.year, 1, 1 }) + 1;
		return true;
	case 'u':
		*ret = civil_weekday(wall->days) + 1;
		return true;
	case 'w':
		*ret = week_of_year(wall, &year);
		return true;
	case 'W':
		*ret = week_of_month(wall);
		return true;
	case 'F':
		*ret = (wall->date.day - 1) / 7 + 1;
		return true;
	default:
		return false;
	}
}

static int illegal_letter(struct eval *ev, char letter)
{
	return fail(ev, FAIL_ARGUMENT,
		"Illegal pattern character '%c'; text in a pattern stands in quotes: \"yyyy-MM-dd'T'HH:mm\"",
		letter);
}

int date_format_wall(struct eval *ev, struct str pattern, const struct wall *wall, struct strbuf *buf)
{
	struct run run;
	while (next_run(&pattern, &run)) {
		int64_t number;
		bool zone_name = run.letter == 'z' && run.count >= 4;
		if (eval_step(ev, zone_name ? 250 : 4) < 0)
			return -1;
		if (!run.letter)
			strbuf_add_str(buf, run.text);
		else if (number_of(run.letter, wall, &number))
			add_padded(buf, number, run.count);
		else if (!add_name(buf, &run, wall))
			return illegal_letter(ev, run.letter);
	}
	return 0;
}

int date_format_write(struct eval *ev, struct str pattern, int64_t ms, struct strbuf *buf)
{
	if (eval_step(ev, 50) < 0) /* the rules of the zone */
		return -1;
	struct wall wall = wall_of_ms(ms);
	return date_format_wall(ev, pattern, &wall, buf);
}

/* Reading. Fields that the text does not give are those of 1970-01-01 00:00. */
struct reading {
	struct str text;
	size_t at;
	int64_t this_year;
	int64_t year, month, day, hour, minute, second, milli;
	bool pm, has_half, has_offset;
	int64_t offset_s;
};

static bool read_number(struct reading *in, size_t most, int64_t *ret)
{
	size_t from = in->at;
	*ret = 0;
	while (in->at < in->text.length && in->at - from < most && in->text.bytes[in->at] >= '0' &&
		in->text.bytes[in->at] <= '9')
		*ret = *ret * 10 + (in->text.bytes[in->at++] - '0');
	return in->at > from;
}

static bool read_word(
	struct reading *in, const char *const *words, size_t count, size_t shortest, int64_t *ret)
{
	struct str rest = str_slice(in->text, in->at, in->text.length);
	for (size_t i = 0; i < count; i++) {
		size_t whole = strlen(words[i]);
		size_t lengths[] = { whole, shortest };
		for (size_t k = 0; k < 2; k++) {
			if (rest.length < lengths[k] ||
				!str_equal_nocase(str_slice(rest, 0, lengths[k]),
					(struct str){ words[i], lengths[k] }))
				continue;
			in->at += lengths[k];
			*ret = (int64_t)i;
			return true;
		}
	}
	return false;
}

static bool read_offset(struct reading *in)
{
	struct str rest = str_slice(in->text, in->at, in->text.length);
	int64_t hours, minutes = 0;
	in->has_offset = true;
	if (str_starts(rest, "Z") || str_starts(rest, "UTC") || str_starts(rest, "GMT")) {
		in->at += rest.bytes[0] == 'Z' ? 1 : 3;
		return true;
	}
	if (!rest.length || (rest.bytes[0] != '+' && rest.bytes[0] != '-'))
		return false;
	in->at++;
	if (!read_number(in, 2, &hours))
		return false;
	if (in->at < in->text.length && in->text.bytes[in->at] == ':')
		in->at++;
	read_number(in, 2, &minutes);
	in->offset_s = (hours * 60 + minutes) * (rest.bytes[0] == '-' ? -60 : 60);
	return true;
}

static bool read_run(struct reading *in, const struct run *run, bool next_is_letter)
{
	static const char *const halves[] = { "AM", "PM" };
	size_t most = next_is_letter ? run->count : 18;
	int64_t number;
	switch (run->letter) {
	case 0:
		if (!str_equal(str_slice(in->text, in->at, in->at + run->text.length), run->text))
			return false;
		in->at += run->text.length;
		return true;
	case 'y':
		if (!read_number(in, most, &in->year))
			return false;
		if (run->count <= 2 && in->year < 100)
			in->year += in->this_year / 100 * 100;
		/* From 80 years ago to 20 years ahead. */
		if (run->count <= 2 && in->year > in->this_year + 20 && in->year < in->this_year + 100)
			in->year -= 100;
		return true;
	case 'M':
		if (run->count < 3)
			return read_number(in, most, &in->month);
		if (!read_word(in, months, 12, 3, &in->month))
			return false;
		in->month++;
		return true;
	case 'd':
		return read_number(in, most, &in->day);
	case 'H':
	case 'h':
	case 'K':
	case 'k':
		return read_number(in, most, &in->hour);
	case 'm':
		return read_number(in, most, &in->minute);
	case 's':
		return read_number(in, most, &in->second);
	case 'S':
		return read_number(in, most, &in->milli);
	case 'a':
		in->has_half = read_word(in, halves, 2, 2, &number);
		in->pm = in->has_half && number == 1;
		return in->has_half;
	case 'E':
		return read_word(in, days, 7, 3, &number);
	case 'z':
	case 'Z':
	case 'X':
		return read_offset(in);
	default:
		return false;
	}
}

/* Lenient as Java's: 13 months are a year and one. */
static int64_t reading_ms(const struct reading *in)
{
	int64_t months_all = in->year * 12 + in->month - 1;
	int64_t year = months_all / 12 - (months_all % 12 < 0);
	struct civil first = { year, (int)(months_all - year * 12) + 1, 1 };
	int64_t hour = in->has_half ? in->hour % 12 + (in->pm ? 12 : 0) : in->hour;
	int64_t day = civil_to_days(first) + in->day - 1;
	int64_t ms = ((hour * 60 + in->minute) * 60 + in->second) * 1000 + in->milli;
	day += ms / 86400000;
	ms %= 86400000;
	return in->has_offset ? day * 86400000 + ms - in->offset_s * 1000 : wall_to_ms(day, ms);
}

int date_format_read(struct eval *ev, struct str pattern, struct str text, int64_t *ret_ms)
{
	struct reading in = { .text = text, .year = 1970, .month = 1, .day = 1 };
	in.this_year = wall_of_ms(eval_now_ms(ev)).date.year;
	struct run run;
	struct str rest = pattern;
	while (next_run(&rest, &run)) {
		char next = rest.length ? rest.bytes[0] : 0;
		bool letter = (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z');
		if (eval_step(ev, 1) < 0)
			return -1;
		if (!read_run(&in, &run, letter) || in.year > 1000000 || in.month > 100000 ||
			in.day > 1000000 || in.hour > 1000000 || in.minute > 100000000)
			return fail(ev, FAIL_ARGUMENT, "Unparseable date: \"%.*s\"",
				STR_ARG(str_slice(text, 0, text.length < 60 ? text.length : 60)));
	}
	*ret_ms = reading_ms(&in);
	return eval_step(ev, 300);
}

/* The class */

static int format_new(struct eval *ev, const struct call *call, struct value *ret)
{
	if (call->args[0].kind == V_NULL)
		return fail(ev, FAIL_NULL, "the pattern is null");
	struct str rest = value_str(call->args[0]);
	struct run run;
	while (next_run(&rest, &run))
		if (run.letter &&
			(!strchr("GyYMLwWDdFEuaHkKhmsSzZX", run.letter) ||
				(run.letter == 'X' && run.count > 3)))
			return illegal_letter(ev, run.letter);
	*ret = java_object(ev, &java_date_format, 0, 0);
	ret->object->text = call->args[0];
	return eval_step(ev, call->args[0].length);
}

static int format_write(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value date = call->args[0];
	bool is_date = date.kind == V_OBJECT && date.object->class == &java_date;
	if (!is_date && !value_is_number(date))
		return fail(ev, FAIL_ARGUMENT, "Cannot format given Object as a Date");
	_cleanup_strbuf_ struct strbuf buf = STRBUF_INIT(1 << 20);
	int64_t ms = is_date ? date.object->a : java_long_of(date);
	if (date_format_write(ev, value_str(call->self.object->text), ms, &buf) < 0)
		return -1;
	*ret = eval_string(ev, strbuf_str(&buf));
	return 0;
}

static int format_read(struct eval *ev, const struct call *call, struct value *ret)
{
	int64_t ms;
	if (call->args[0].kind == V_NULL)
		return fail(ev, FAIL_NULL, "the text is null");
	if (date_format_read(ev, value_str(call->self.object->text), value_str(call->args[0]), &ms) <
		0)
		return -1;
	*ret = java_object(ev, &java_date, ms, 0);
	return 0;
}

static int format_pattern(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = call->self.object->text;
	return 0;
}

static const struct java_method format_methods[] = {
	{ "format", "D", "String", format_write, "the date in the pattern",
		"new java.text.SimpleDateFormat('yyyyMMdd-HHmm').format(new java.util.Date(1706697000000L))" },
	{ "format", "o", "String", format_write, "milliseconds in the pattern",
		"new java.text.SimpleDateFormat('yyyy-MM-dd HH:mm:ss.SSS').format(1706697000000L)" },
	{ "parse", "s", "Date", format_read, "text in the pattern as a date",
		"new java.text.SimpleDateFormat('yyyy-MM-dd').parse('2024-01-31').time" },
	{ "toPattern", "", "String", format_pattern, "the pattern",
		"new java.text.SimpleDateFormat('yyyy').toPattern()" },
	{ 0 },
};
static const struct java_method format_constructors[] = {
	{ "SimpleDateFormat", "s", "SimpleDateFormat", format_new, "a pattern: yyyy-MM-dd",
		"new java.text.SimpleDateFormat('EEE u').format(new java.util.Date(1706697000000L))" },
	{ 0 },
};

const struct java_class java_date_format = {
	.name = "java.text.SimpleDateFormat",
	.nameable = true,
	.methods = format_methods,
	.constructors = format_constructors,
};
