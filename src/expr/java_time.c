/* The calendar, Date, DayOfWeek, ChronoUnit and TemporalAdjusters. */
#include "expr/java_time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define YEAR_MOST 999999999

static const char *const weekday_names[] = { "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY",
	"SATURDAY", "SUNDAY" };

static const struct {
	const char *name;
	const char *text;
	int64_t nanos; /* 0: longer than a day, or without length */
} units[] = {
	[UNIT_NANOS] = { "NANOS", "Nanos", 1 },
	[UNIT_MICROS] = { "MICROS", "Micros", 1000 },
	[UNIT_MILLIS] = { "MILLIS", "Millis", 1000000 },
	[UNIT_SECONDS] = { "SECONDS", "Seconds", NANOS_PER_SECOND },
	[UNIT_MINUTES] = { "MINUTES", "Minutes", 60 * NANOS_PER_SECOND },
	[UNIT_HOURS] = { "HOURS", "Hours", 3600 * NANOS_PER_SECOND },
	[UNIT_HALF_DAYS] = { "HALF_DAYS", "HalfDays", 43200 * NANOS_PER_SECOND },
	[UNIT_DAYS] = { "DAYS", "Days", 0 },
	[UNIT_WEEKS] = { "WEEKS", "Weeks", 0 },
	[UNIT_MONTHS] = { "MONTHS", "Months", 0 },
	[UNIT_YEARS] = { "YEARS", "Years", 0 },
	[UNIT_DECADES] = { "DECADES", "Decades", 0 },
	[UNIT_CENTURIES] = { "CENTURIES", "Centuries", 0 },
	[UNIT_MILLENNIA] = { "MILLENNIA", "Millennia", 0 },
	[UNIT_ERAS] = { "ERAS", "Eras", 0 },
	[UNIT_FOREVER] = { "FOREVER", "Forever", 0 },
};

/* Days and dates, by Howard Hinnant's arithmetic: years begin in March, in cycles of 400. */

int64_t civil_to_days(struct civil date)
{
	int64_t year = date.year - (date.month <= 2);
	int64_t cycle = (year >= 0 ? year : year - 399) / 400;
	int64_t of_cycle = year - cycle * 400;
	int64_t of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
	return cycle * 146097 + of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year - 719468;
}

struct civil civil_of_days(int64_t days)
{
	days += 719468;
	int64_t cycle = (days >= 0 ? days : days - 146096) / 146097;
	int64_t of_cycle = days - cycle * 146097;
	int64_t year = (of_cycle - of_cycle / 1460 + of_cycle / 36524 - of_cycle / 146096) / 365;
	int64_t of_year = of_cycle - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;
	struct civil date = {
		.year = year + cycle * 400,
		.month = (int)(month < 10 ? month + 3 : month - 9),
		.day = (int)(of_year - (153 * month + 2) / 5 + 1),
	};
	date.year += date.month <= 2;
	return date;
}

int civil_month_length(int64_t year, int month)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return month == 2 && leap ? 29 : lengths[month - 1];
}

int civil_weekday(int64_t days)
{
	int64_t day = (days + 3) % 7;
	return (int)(day < 0 ? day + 7 : day);
}

struct wall wall_of_ms(int64_t ms)
{
	struct tm tm = { 0 };
	time_t seconds = (time_t)floor_div(ms, 1000);
	localtime_r(&seconds, &tm);
	struct wall wall = {
		.date = { tm.tm_year + 1900ll, tm.tm_mon + 1, tm.tm_mday },
		.hour = tm.tm_hour,
		.minute = tm.tm_min,
		.second = tm.tm_sec,
		.milli = (int)(ms - floor_div(ms, 1000) * 1000),
		.offset_s = (int)tm.tm_gmtoff,
		.daylight = tm.tm_isdst > 0,
	};
	snprintf(wall.zone, sizeof(wall.zone), "%s", tm.tm_zone ? tm.tm_zone : "UTC");
	wall.days = civil_to_days(wall.date);
	return wall;
}

int64_t wall_to_ms(int64_t days, int64_t ms_of_day)
{
	struct civil date = civil_of_days(days);
	int64_t seconds = floor_div(ms_of_day, 1000);
	struct tm tm = {
		.tm_year = (int)(date.year - 1900),
		.tm_mon = date.month - 1,
		.tm_mday = date.day,
		.tm_hour = (int)(seconds / 3600),
		.tm_min = (int)(seconds / 60 % 60),
		.tm_sec = (int)(seconds % 60),
		.tm_isdst = -1,
	};
	return (int64_t)mktime(&tm) * 1000 + (ms_of_day - seconds * 1000);
}

/* Points */

static int out_of_range(struct eval *ev)
{
	return fail(ev, FAIL_DATE, "Invalid value for Year (valid values -999999999 - 999999999)");
}

static int add_months(struct eval *ev, struct point *point, __int128 months)
{
	struct civil date = civil_of_days(point->days);
	__int128 total = (__int128)date.year * 12 + date.month - 1 + months;
	__int128 year = total / 12 - (total % 12 < 0);
	if (year > YEAR_MOST || year < -YEAR_MOST)
		return out_of_range(ev);
	date.year = (int64_t)year;
	date.month = (int)(total - year * 12) + 1;
	int length = civil_month_length(date.year, date.month);
	if (date.day > length)
		date.day = length;
	point->days = civil_to_days(date);
	return 0;
}

int point_add(struct eval *ev, struct point *point, enum unit unit, int64_t amount)
{
	static const int months[] = {
		[UNIT_MONTHS] = 1, [UNIT_YEARS] = 12, [UNIT_DECADES] = 120, [UNIT_CENTURIES] = 1200, [UNIT_MILLENNIA] = 12000
	};
	if (unit >= UNIT_ERAS)
		return fail(ev, FAIL_DATE, "Unsupported unit: %s", units[unit].text);
	if (unit >= UNIT_MONTHS)
		return add_months(ev, point, (__int128)amount * months[unit]);
	__int128 nanos = (__int128)amount * units[unit].nanos + point->nanos;
	__int128 days = nanos / NANOS_PER_DAY - (nanos % NANOS_PER_DAY < 0);
	if (unit == UNIT_DAYS || unit == UNIT_WEEKS)
		days = (__int128)amount * (unit == UNIT_WEEKS ? 7 : 1);
	else
		point->nanos = (int64_t)(nanos - days * NANOS_PER_DAY);
	days += point->days;
	if (days > 365241780471ll || days < -365243219162ll)
		return out_of_range(ev);
	point->days = (int64_t)days;
	return 0;
}

static __int128 nanos_of(struct point point)
{
	return (__int128)point.days * NANOS_PER_DAY + point.nanos;
}

static int64_t months_between(struct point a, struct point b)
{
	struct civil from = civil_of_days(a.days), to = civil_of_days(b.days);
	int64_t months = (to.year - from.year) * 12 + to.month - from.month;
	__int128 rest_a = (__int128)from.day * NANOS_PER_DAY + a.nanos;
	__int128 rest_b = (__int128)to.day * NANOS_PER_DAY + b.nanos;
	if (months > 0 && rest_b < rest_a)
		months--;
	else if (months < 0 && rest_b > rest_a)
		months++;
	return months;
}

int point_between(struct eval *ev, struct point a, struct point b, enum unit unit, int64_t *ret)
{
	static const int months[] = {
		[UNIT_MONTHS] = 1, [UNIT_YEARS] = 12, [UNIT_DECADES] = 120, [UNIT_CENTURIES] = 1200, [UNIT_MILLENNIA] = 12000
	};
	if (unit >= UNIT_ERAS)
		return fail(ev, FAIL_DATE, "Unsupported unit: %s", units[unit].text);
	if (unit >= UNIT_MONTHS) {
		*ret = months_between(a, b) / months[unit];
		return 0;
	}
	__int128 length = units[unit].nanos;
	if (!length)
		length = (__int128)NANOS_PER_DAY * (unit == UNIT_WEEKS ? 7 : 1);
	__int128 result = (nanos_of(b) - nanos_of(a)) / length;
	if (result > INT64_MAX || result < INT64_MIN)
		return fail(ev, FAIL_ARITHMETIC, "long overflow");
	*ret = (int64_t)result;
	return 0;
}

bool point_of(const struct object *object, struct point *ret)
{
	if (object->class == &java_instant) {
		int64_t days = floor_div(object->a, SECONDS_PER_DAY);
		*ret = (struct point){ days,
			(object->a - days * SECONDS_PER_DAY) * NANOS_PER_SECOND + object->b };
		return true;
	}
	*ret = (struct point){ object->a, object->b };
	return object->class == &java_local_date || object->class == &java_local_date_time;
}

const char *unit_text(int64_t unit)
{
	return units[unit].text;
}

void time_text(int64_t nanos, bool seconds, struct strbuf *buf)
{
	int64_t second = nanos / NANOS_PER_SECOND, fraction = nanos % NANOS_PER_SECOND;
	strbuf_printf(buf, "%02d:%02d", (int)(second / 3600), (int)(second / 60 % 60));
	if (seconds || second % 60 || fraction)
		strbuf_printf(buf, ":%02d", (int)(second % 60));
	if (!fraction)
		return;
	if (fraction % 1000000 == 0)
		strbuf_printf(buf, ".%03d", (int)(fraction / 1000000));
	else if (fraction % 1000 == 0)
		strbuf_printf(buf, ".%06d", (int)(fraction / 1000));
	else
		strbuf_printf(buf, ".%09d", (int)fraction);
}

/* java.util.Date */

static int date_new(struct eval *ev, const struct call *call, struct value *ret)
{
	int64_t ms = call->count ? call->args[0].integer : eval_now_ms(ev);
	*ret = java_object(ev, &java_date, ms, 0);
	return 0;
}

/* Years since 1900, months from 0; fields out of range move on into the next. */
static int date_of_fields(struct eval *ev, const struct call *call, struct value *ret)
{
	int64_t field[6] = { 0 };
	for (size_t i = 0; i < call->count; i++)
		field[i] = call->args[i].integer;
	struct point point = { civil_to_days((struct civil){ field[0] + 1900, 1, 1 }), 0 };
	if (point_add(ev, &point, UNIT_MONTHS, field[1]) < 0 ||
		point_add(ev, &point, UNIT_DAYS, field[2] - 1) < 0)
		return -1;
	int64_t seconds = field[3] * 3600 + field[4] * 60 + field[5];
	*ret = java_object(ev, &java_date, wall_to_ms(point.days, seconds * 1000), 0);
	return eval_step(ev, 300); /* the rules of the zone, backwards */
}

/* The form that toString() gives; Java's own reading of older forms is not wanted. */
static int date_of_text(struct eval *ev, const struct call *call, struct value *ret)
{
	int64_t ms;
	if (call->args[0].kind == V_NULL)
		return fail(ev, FAIL_ARGUMENT, "the text is null");
	if (date_format_read(
		    ev, STR("EEE MMM dd HH:mm:ss zzz yyyy"), value_str(call->args[0]), &ms) < 0)
		return -1;
	*ret = java_object(ev, &java_date, ms, 0);
	return 0;
}

static int date_get_time(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_long(call->self.object->a);
	return 0;
}

static int date_before(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(call->self.object->a < call->args[0].object->a);
	return 0;
}

static int date_after(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(call->self.object->a > call->args[0].object->a);
	return 0;
}

static int date_to_instant(struct eval *ev, const struct call *call, struct value *ret)
{
	int64_t ms = call->self.object->a, seconds = floor_div(ms, 1000);
	*ret = java_object(ev, &java_instant, seconds, (ms - seconds * 1000) * 1000000);
	return 0;
}

static int date_from(struct eval *ev, const struct call *call, struct value *ret)
{
	const struct object *instant = call->args[0].object;
	*ret = java_object(ev, &java_date, instant->a * 1000 + instant->b / 1000000, 0);
	return 0;
}

static int date_text(struct eval *ev, const struct object *object, struct strbuf *buf)
{
	return date_format_write(ev, STR("EEE MMM dd HH:mm:ss zzz yyyy"), object->a, buf);
}

#define DATE_PART(name, expression)                                                         \
	static int date_##name(struct eval *ev, const struct call *call, struct value *ret) \
	{                                                                                   \
		struct wall wall = wall_of_ms(call->self.object->a);                        \
		*ret = value_int(expression);                                               \
		return 0;                                                                   \
	}
DATE_PART(year, wall.date.year - 1900)
DATE_PART(month, wall.date.month - 1)
DATE_PART(date, wall.date.day)
DATE_PART(day, (civil_weekday(wall.days) + 1) % 7)
DATE_PART(hours, wall.hour)
DATE_PART(minutes, wall.minute)
DATE_PART(seconds, wall.second)
DATE_PART(offset, -wall.offset_s / 60)

static const struct java_method date_methods[] = {
	{ "getTime", "", "long", date_get_time, "milliseconds since 1970",
		"new java.util.Date(1706697000000L).getTime()" },
	{ "before", "D", "boolean", date_before, "whether it is earlier",
		"new java.util.Date(1706697000000L).before(new java.util.Date())" },
	{ "after", "D", "boolean", date_after, "whether it is later",
		"new java.util.Date(1706697000000L).after(new java.util.Date())" },
	{ "compareTo", "D", "int", java_compare_to, "below, at or above 0",
		"new java.util.Date(1706697000000L).compareTo(new java.util.Date())" },
	{ "toInstant", "", "Instant", date_to_instant, "the same moment",
		"new java.util.Date(1706697000000L).toInstant().toString()" },
	{ "getYear", "", "int", date_year, "years since 1900",
		"new java.util.Date(1706697000000L).getYear() + 1900" },
	{ "getMonth", "", "int", date_month, "the month, 0 is January",
		"new java.util.Date(1706697000000L).getMonth()" },
	{ "getDate", "", "int", date_date, "the day of the month",
		"new java.util.Date(1706697000000L).getDate()" },
	{ "getDay", "", "int", date_day, "the day of the week, 0 is Sunday",
		"new java.util.Date(1706697000000L).getDay()" },
	{ "getHours", "", "int", date_hours, "the hour",
		"new java.util.Date(1706697000000L).getHours()" },
	{ "getMinutes", "", "int", date_minutes, "the minute",
		"new java.util.Date(1706697000000L).getMinutes()" },
	{ "getSeconds", "", "int", date_seconds, "the second",
		"new java.util.Date(1706697000000L).getSeconds()" },
	{ "getTimezoneOffset", "", "int", date_offset, "minutes that UTC is ahead",
		"new java.util.Date(1706697000000L).getTimezoneOffset()" },
	{ 0 },
};
static const struct java_method date_statics[] = {
	{ "from", "I", "Date", date_from, "the same moment",
		"T(java.util.Date).from(T(java.time.Instant).ofEpochSecond(60)).time" },
	{ 0 },
};
static const struct java_method date_constructors[] = {
	{ "Date", "", "Date", date_new, "now", "new java.util.Date().toString()" },
	{ "Date", "s", "Date", date_of_text, "as its toString() prints it",
		"new java.util.Date('Wed Jan 31 10:30:00 UTC 2024').time" },
	{ "Date", "j", "Date", date_new, "that many milliseconds after 1970",
		"new java.util.Date(0L).toString()" },
	{ "Date", "iii", "Date", date_of_fields, "year since 1900, month from 0, day",
		"new java.util.Date(124, 0, 31).toString()" },
	{ "Date", "iiiii", "Date", date_of_fields, "and hour, minute",
		"new java.util.Date(124, 0, 31, 10, 30).toString()" },
	{ "Date", "iiiiii", "Date", date_of_fields, "and second",
		"new java.util.Date(124, 0, 31, 10, 30, 5).toString()" },
	{ 0 },
};

const struct java_class java_date = {
	.name = "java.util.Date",
	.nameable = true,
	.methods = date_methods,
	.statics = date_statics,
	.constructors = date_constructors,
	.text = date_text,
	.compare = java_object_compare,
};

/* DayOfWeek */

struct value day_of_week(struct eval *ev, int64_t days)
{
	return java_object(ev, &java_day_of_week, civil_weekday(days), 0);
}

static int weekday_text(struct eval *ev, const struct object *object, struct strbuf *buf)
{
	strbuf_add_text(buf, weekday_names[object->a]);
	return 0;
}

static int weekday_name(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = eval_text(ev, weekday_names[call->self.object->a]);
	return 0;
}

static int weekday_value(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_int(call->self.object->a + 1);
	return 0;
}

static int weekday_ordinal(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_int(call->self.object->a);
	return 0;
}

static int weekday_shift(struct eval *ev, const struct call *call, int64_t by, struct value *ret)
{
	int64_t day = (call->self.object->a + by % 7 + 7) % 7;
	*ret = java_object(ev, &java_day_of_week, day, 0);
	return 0;
}

static int weekday_plus(struct eval *ev, const struct call *call, struct value *ret)
{
	return weekday_shift(ev, call, call->args[0].integer % 7, ret);
}

static int weekday_minus(struct eval *ev, const struct call *call, struct value *ret)
{
	return weekday_shift(ev, call, -(call->args[0].integer % 7), ret);
}

static int weekday_compare(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_int(call->self.object->a - call->args[0].object->a);
	return 0;
}

static int weekday_of(struct eval *ev, const struct call *call, struct value *ret)
{
	int64_t value = call->args[0].integer;
	if (value < 1 || value > 7)
		return fail(ev, FAIL_DATE, "Invalid value for DayOfWeek: %lld", (long long)value);
	*ret = java_object(ev, &java_day_of_week, value - 1, 0);
	return 0;
}

static int weekday_value_of(struct eval *ev, const struct call *call, struct value *ret)
{
	for (int i = 0; i < 7; i++) {
		if (str_is(value_str(call->args[0]), weekday_names[i])) {
			*ret = java_object(ev, &java_day_of_week, i, 0);
			return 0;
		}
	}
	return fail(ev, FAIL_ARGUMENT, "No enum constant java.time.DayOfWeek.%.*s",
		STR_ARG(str_slice(value_str(call->args[0]), 0, 40)));
}

static int weekday_values(struct eval *ev, const struct call *call, struct value *ret)
{
	struct seq *seq = seq_new(ev, 7);
	for (int i = 0; i < 7; i++)
		seq_push(ev, seq, java_object(ev, &java_day_of_week, i, 0));
	*ret = value_of_seq(V_ARRAY, seq);
	return 0;
}

static const struct java_method weekday_methods[] = {
	{ "getValue", "", "int", weekday_value, "1 for Monday to 7 for Sunday",
		"T(java.time.DayOfWeek).valueOf('FRIDAY').getValue()" },
	{ "name", "", "String", weekday_name, "MONDAY …",
		"T(java.time.DayOfWeek).valueOf('FRIDAY').name()" },
	{ "ordinal", "", "int", weekday_ordinal, "0 for Monday",
		"T(java.time.DayOfWeek).valueOf('FRIDAY').ordinal()" },
	{ "plus", "j", "DayOfWeek", weekday_plus, "so many days later",
		"T(java.time.DayOfWeek).valueOf('FRIDAY').plus(2).toString()" },
	{ "minus", "j", "DayOfWeek", weekday_minus, "so many days earlier",
		"T(java.time.DayOfWeek).valueOf('FRIDAY').minus(1).toString()" },
	{ "compareTo", "W", "int", weekday_compare, "below, at or above 0",
		"T(java.time.DayOfWeek).valueOf('FRIDAY').compareTo(T(java.time.DayOfWeek).of(1))" },
	{ 0 },
};
static const struct java_method weekday_statics[] = {
	{ "of", "i", "DayOfWeek", weekday_of, "by number, 1 is Monday",
		"T(java.time.DayOfWeek).of(1).toString()" },
	{ "valueOf", "s", "DayOfWeek", weekday_value_of, "by name",
		"T(java.time.DayOfWeek).valueOf('FRIDAY').value" },
	{ "values", "", "DayOfWeek[]", weekday_values, "all seven",
		"T(java.time.DayOfWeek).values().length" },
	{ 0 },
};

const struct java_class java_day_of_week = {
	.name = "java.time.DayOfWeek",
	.nameable = true,
	.methods = weekday_methods,
	.statics = weekday_statics,
	.text = weekday_text,
	.compare = java_object_compare,
};

/* ChronoUnit */

static int unit_value_of(struct eval *ev, const struct call *call, struct value *ret)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (str_is(value_str(call->args[0]), units[i].name)) {
			*ret = java_object(ev, &java_chrono_unit, (int64_t)i, 0);
			return 0;
		}
	}
	return fail(ev, FAIL_ARGUMENT, "No enum constant java.time.temporal.ChronoUnit.%.*s",
		STR_ARG(str_slice(value_str(call->args[0]), 0, 40)));
}

static int unit_name(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = eval_text(ev, units[call->self.object->a].name);
	return 0;
}

static int unit_print(struct eval *ev, const struct object *object, struct strbuf *buf)
{
	strbuf_add_text(buf, units[object->a].text);
	return 0;
}

int java_unit_between(struct eval *ev, const struct call *call, struct value *ret)
{
	struct point a, b;
	int64_t result, unit = call->self.object->a;
	for (size_t i = 0; i < 2; i++)
		if (call->args[i].kind != V_OBJECT || !point_of(call->args[i].object, &a))
			return fail(ev, FAIL_EVAL,
				"EL1004E: Method call: Method between() of ChronoUnit wants two dates, not %s",
				value_type_name(call->args[i]));
	point_of(call->args[0].object, &a);
	point_of(call->args[1].object, &b);
	bool date = call->args[0].object->class == &java_local_date;
	bool instant = call->args[0].object->class == &java_instant;
	if ((date && units[unit].nanos) || (instant && unit > UNIT_DAYS))
		return fail(ev, FAIL_DATE, "Unsupported unit: %s", units[unit].text);
	if (call->args[0].object->class != call->args[1].object->class && !date)
		return fail(ev, FAIL_DATE, "Unable to obtain %s from %s",
			value_type_name(call->args[0]), value_type_name(call->args[1]));
	if (date)
		b.nanos = 0;
	if (point_between(ev, a, b, (enum unit)unit, &result) < 0)
		return -1;
	*ret = value_long(result);
	return 0;
}

static int unit_is_date_based(struct eval *ev, const struct call *call, struct value *ret)
{
	int64_t unit = call->self.object->a;
	*ret = value_bool(unit >= UNIT_DAYS && unit != UNIT_FOREVER);
	return 0;
}

static int unit_is_time_based(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(call->self.object->a < UNIT_DAYS);
	return 0;
}

static const struct java_method unit_methods[] = {
	{ "isDateBased", "", "boolean", unit_is_date_based, "days and longer ones",
		"T(java.time.temporal.ChronoUnit).valueOf('DAYS').isDateBased()" },
	{ "isTimeBased", "", "boolean", unit_is_time_based, "half days and shorter ones",
		"T(java.time.temporal.ChronoUnit).valueOf('DAYS').isTimeBased()" },
	{ "between", "oo", "long", java_unit_between, "whole units from one to the other",
		"T(java.time.temporal.ChronoUnit).valueOf('DAYS').between(T(java.time.LocalDate).of(2024, 1, 31), T(java.time.LocalDate).of(2024, 3, 1))" },
	{ "name", "", "String", unit_name, "DAYS …",
		"T(java.time.temporal.ChronoUnit).valueOf('DAYS').name()" },
	{ 0 },
};
static const struct java_method unit_statics[] = {
	{ "valueOf", "s", "ChronoUnit", unit_value_of, "by name",
		"T(java.time.temporal.ChronoUnit).valueOf('HOURS').toString()" },
	{ 0 },
};

const struct java_class java_chrono_unit = {
	.name = "java.time.temporal.ChronoUnit",
	.nameable = true,
	.methods = unit_methods,
	.statics = unit_statics,
	.text = unit_print,
	.compare = java_object_compare,
};

/* It may be named, but all it makes is of a type that expressions may not have. */
static const char *const adjusters_refused[] = { "firstDayOfMonth", "lastDayOfMonth",
	"firstDayOfNextMonth", "firstDayOfYear", "lastDayOfYear", "firstDayOfNextYear", "next",
	"previous", "nextOrSame", "previousOrSame", "firstInMonth", "lastInMonth", NULL };

const struct java_class java_temporal_adjusters = {
	.name = "java.time.temporal.TemporalAdjusters",
	.nameable = true,
	.refused = adjusters_refused,
};

bool java_object_converts(const struct object *object)
{
	return object->class == &java_date || object->class == &java_uuid ||
		object->class == &java_day_of_week || object->class == &java_chrono_unit;
}

const char *java_enum_name(const struct object *object)
{
	return object->class == &java_chrono_unit ? units[object->a].name : NULL;
}

/* As Jackson writes dates by default: numbers. */
bool java_object_to_val(struct eval *ev, const struct object *object, struct val *ret)
{
	if (object->class == &java_date) {
		*ret = val_int(object->a);
		return true;
	}
	if (object->class == &java_instant) {
		*ret = val_int(object->a * 1000 + object->b / 1000000);
		return true;
	}
	if (java_enum_name(object)) {
		*ret = val_string(java_enum_name(object));
		return true;
	}
	if (object->class != &java_local_date && object->class != &java_local_date_time)
		return false;
	struct civil date = civil_of_days(object->a);
	struct val list = val_list();
	val_append(&list, val_int(date.year));
	val_append(&list, val_int(date.month));
	val_append(&list, val_int(date.day));
	if (object->class == &java_local_date_time) {
		int64_t seconds = object->b / NANOS_PER_SECOND, nanos = object->b % NANOS_PER_SECOND;
		val_append(&list, val_int(seconds / 3600));
		val_append(&list, val_int(seconds / 60 % 60));
		if (seconds % 60 || nanos)
			val_append(&list, val_int(seconds % 60));
		if (nanos)
			val_append(&list, val_int(nanos));
	}
	*ret = list;
	return true;
}
