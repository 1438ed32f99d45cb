/* %t of java.util.Formatter: one part of a date or time, or one of its compositions. */
#include "expr/format.h"
#include "expr/java_time.h"

/* What a part is made of. */
enum {
	HAS_WEEKDAY = 1,
	HAS_DATE = 2,
	HAS_TIME = 4,
	HAS_FRACTION = 8,
	HAS_ZONE = 16,
	HAS_MOMENT = 32
};

#define HAS_ALL 63

static const struct {
	char letter;
	uint8_t needs;
	const char *pattern; /* of SimpleDateFormat, NULL = a number that has none */
} parts[] = {
	{ 'A', HAS_WEEKDAY, "EEEE" },
	{ 'a', HAS_WEEKDAY, "EEE" },
	{ 'B', HAS_DATE, "MMMM" },
	{ 'b', HAS_DATE, "MMM" },
	{ 'h', HAS_DATE, "MMM" },
	{ 'C', HAS_DATE, NULL },
	{ 'Y', HAS_DATE, "yyyy" },
	{ 'y', HAS_DATE, "yy" },
	{ 'j', HAS_DATE, "DDD" },
	{ 'm', HAS_DATE, "MM" },
	{ 'd', HAS_DATE, "dd" },
	{ 'e', HAS_DATE, "d" },
	{ 'D', HAS_DATE, "MM/dd/yy" },
	{ 'F', HAS_DATE, "yyyy-MM-dd" },
	{ 'H', HAS_TIME, "HH" },
	{ 'I', HAS_TIME, "hh" },
	{ 'k', HAS_TIME, "H" },
	{ 'l', HAS_TIME, "h" },
	{ 'M', HAS_TIME, "mm" },
	{ 'S', HAS_TIME, "ss" },
	{ 'p', HAS_TIME, "a" },
	{ 'R', HAS_TIME, "HH:mm" },
	{ 'T', HAS_TIME, "HH:mm:ss" },
	{ 'r', HAS_TIME, "hh:mm:ss a" },
	{ 'L', HAS_FRACTION, "SSS" },
	{ 'N', HAS_FRACTION, NULL },
	{ 'z', HAS_ZONE, "Z" },
	{ 'Z', HAS_ZONE, "z" },
	{ 'c', HAS_DATE | HAS_TIME | HAS_ZONE, "EEE MMM dd HH:mm:ss z yyyy" },
	{ 's', HAS_MOMENT, NULL },
	{ 'Q', HAS_MOMENT, NULL },
};

/* A date or time, as far as it is one. */
struct shown {
	uint8_t has;
	struct wall wall;
	int64_t nanos; /* of the second */
	int64_t ms;    /* since 1970 */
};

static void show_point(struct shown *shown, int64_t days, int64_t nanos)
{
	int64_t seconds = nanos / NANOS_PER_SECOND;
	shown->nanos = nanos % NANOS_PER_SECOND;
	shown->wall = (struct wall){
		.date = civil_of_days(days),
		.days = days,
		.hour = (int)(seconds / 3600),
		.minute = (int)(seconds / 60 % 60),
		.second = (int)(seconds % 60),
		.milli = (int)(shown->nanos / 1000000),
	};
}

static void show_ms(struct shown *shown, int64_t ms)
{
	shown->has = HAS_ALL;
	shown->ms = ms;
	shown->wall = wall_of_ms(ms);
	shown->nanos = shown->wall.milli * 1000000ll;
}

/* False when VALUE has nothing of the kind. */
static bool show(struct value value, struct shown *ret)
{
	*ret = (struct shown){ 0 };
	if (value.kind == V_LONG) {
		show_ms(ret, value.integer);
		return true;
	}
	if (value.kind != V_OBJECT)
		return false;
	const struct object *object = value.object;
	if (object->class == &java_date) {
		show_ms(ret, object->a);
	} else if (object->class == &java_local_date) {
		show_point(ret, object->a, 0);
		ret->has = HAS_WEEKDAY | HAS_DATE;
	} else if (object->class == &java_local_date_time) {
		show_point(ret, object->a, object->b);
		ret->has = HAS_WEEKDAY | HAS_DATE | HAS_TIME | HAS_FRACTION;
	} else if (object->class == &java_instant) {
		show_point(ret, 0, object->b);
		ret->ms = object->a * 1000 + object->b / 1000000;
		ret->has = HAS_FRACTION | HAS_MOMENT;
	} else if (object->class == &java_day_of_week) {
		show_point(ret, object->a + 4, 0); /* the fifth day of 1970 was a Monday */
		ret->has = HAS_WEEKDAY;
	} else {
		return false;
	}
	return true;
}

static void add_number(const struct shown *shown, char letter, struct strbuf *buf)
{
	switch (letter) {
	case 'C':
		strbuf_printf(buf, "%02lld", (long long)(shown->wall.date.year / 100));
		break;
	case 'N':
		strbuf_printf(buf, "%09lld", (long long)shown->nanos);
		break;
	case 's':
		strbuf_printf(buf, "%lld", (long long)floor_div(shown->ms, 1000));
		break;
	default:
		strbuf_printf(buf, "%lld", (long long)shown->ms);
	}
}

int format_date(struct eval *ev, char letter, struct value value, struct strbuf *buf)
{
	struct shown shown;
	size_t part = 0, count = sizeof(parts) / sizeof(parts[0]);
	while (part < count && parts[part].letter != letter)
		part++;
	if (part == count)
		return fail(ev, FAIL_ARGUMENT,
			"Conversion = 't%c' is not known; there are tY, tm, td, tH, tM, tS, tF, tT and others",
			letter);
	if (!show(value, &shown))
		return fail(ev, FAIL_ARGUMENT,
			"t%c != %s: it wants a date, or milliseconds as a long", letter,
			value_type_name(value));
	if ((shown.has & parts[part].needs) != parts[part].needs)
		return fail(ev, FAIL_DATE, "Unsupported field: a %s has no %%t%c",
			value_type_name(value), letter);
	if (!parts[part].pattern) {
		add_number(&shown, letter, buf);
		return 0;
	}
	size_t start = buf->length;
	if (date_format_wall(ev, str_of(parts[part].pattern), &shown.wall, buf) < 0)
		return -1;
	for (size_t i = start; letter == 'p' && i < buf->length; i++)
		buf->bytes[i] |= 0x20;
	return 0;
}
