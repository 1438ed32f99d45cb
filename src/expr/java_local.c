/* LocalDate, LocalDateTime and Instant. */
#include <stdio.h>
#include <string.h>

#include "expr/java_time.h"

static struct point self_point(const struct call *call)
{
	struct point point;
	point_of(call->self.object, &point);
	return point;
}

static struct civil self_date(const struct call *call)
{
	return civil_of_days(self_point(call).days);
}

/* POINT as an object of CLASS. */
static int from_point(
	struct eval *ev, const struct java_class *class, struct point point, struct value *ret)
{
	if (class == &java_instant)
		*ret = java_object(ev, class,
			point.days * SECONDS_PER_DAY + point.nanos / NANOS_PER_SECOND,
			point.nanos % NANOS_PER_SECOND);
	else
		*ret = java_object(
			ev, class, point.days, class == &java_local_date ? 0 : point.nanos);
	return 0;
}

/* The unit must be one that the class knows. */
static int shift(struct eval *ev, const struct call *call, int64_t unit, int64_t amount, int sign,
	struct value *ret)
{
	const struct java_class *class = call->self.object->class;
	struct point point = self_point(call);
	if ((class == &java_local_date && unit < UNIT_DAYS) ||
		(class == &java_instant && unit > UNIT_DAYS))
		return fail(ev, FAIL_DATE, "Unsupported unit: %s", unit_text(unit));
	if (sign < 0 && amount == INT64_MIN)
		return fail(ev, FAIL_ARITHMETIC, "long overflow");
	if (point_add(ev, &point, (enum unit)unit, sign * amount) < 0)
		return -1;
	return from_point(ev, class, point, ret);
}

static int plus(struct eval *ev, const struct call *call, struct value *ret)
{
	return shift(ev, call, call->args[1].object->a, call->args[0].integer, 1, ret);
}

static int minus(struct eval *ev, const struct call *call, struct value *ret)
{
	return shift(ev, call, call->args[1].object->a, call->args[0].integer, -1, ret);
}

#define SHIFTS(name, unit)                                                                   \
	static int plus_##name(struct eval *ev, const struct call *call, struct value *ret)  \
	{                                                                                    \
		return shift(ev, call, unit, call->args[0].integer, 1, ret);                 \
	}                                                                                    \
	static int minus_##name(struct eval *ev, const struct call *call, struct value *ret) \
	{                                                                                    \
		return shift(ev, call, unit, call->args[0].integer, -1, ret);                \
	}
SHIFTS(nanos, UNIT_NANOS)
SHIFTS(millis, UNIT_MILLIS)
SHIFTS(seconds, UNIT_SECONDS)
SHIFTS(minutes, UNIT_MINUTES)
SHIFTS(hours, UNIT_HOURS)
SHIFTS(days, UNIT_DAYS)
SHIFTS(weeks, UNIT_WEEKS)
SHIFTS(months, UNIT_MONTHS)
SHIFTS(years, UNIT_YEARS)

static int is_before(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(java_object_compare(call->self.object, call->args[0].object) < 0);
	return 0;
}

static int is_after(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(java_object_compare(call->self.object, call->args[0].object) > 0);
	return 0;
}

static int is_equal(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(java_object_compare(call->self.object, call->args[0].object) == 0);
	return 0;
}

/* Within one second it tells by how many nanoseconds. */
static int instant_compare_to(struct eval *ev, const struct call *call, struct value *ret)
{
	const struct object *a = call->self.object, *b = call->args[0].object;
	*ret = value_int(a->a == b->a ? a->b - b->b : java_object_compare(a, b));
	return 0;
}

static int until(struct eval *ev, const struct call *call, struct value *ret)
{
	struct value ends[] = { call->self, call->args[0] };
	struct call between = { .self = call->args[1], .args = ends, .count = 2 };
	return java_unit_between(ev, &between, ret);
}

/* LocalDate's tells by how many years, months or days. */
static int date_compare_to(struct eval *ev, const struct call *call, struct value *ret)
{
	struct civil a = self_date(call), b = civil_of_days(call->args[0].object->a);
	int64_t result = a.year != b.year ? a.year - b.year :
		a.month != b.month        ? a.month - b.month :
					    a.day - b.day;
	if (!result)
		result = java_object_compare(call->self.object, call->args[0].object);
	*ret = value_int(result);
	return 0;
}

#define PART(name, expression)                                                             \
	static int get_##name(struct eval *ev, const struct call *call, struct value *ret) \
	{                                                                                  \
		struct point point = self_point(call);                                     \
		struct civil date = civil_of_days(point.days);                             \
		(void)date;                                                                \
		*ret = value_int(expression);                                              \
		return 0;                                                                  \
	}
PART(year, date.year)
PART(month, date.month)
PART(day, date.day)
PART(day_of_year, point.days - civil_to_days((struct civil){ date.year, 1, 1 }) + 1)
PART(month_length, civil_month_length(date.year, date.month))
PART(year_length, 337 + civil_month_length(date.year, 2))
PART(hour, point.nanos / NANOS_PER_SECOND / 3600)
PART(minute, point.nanos / NANOS_PER_SECOND / 60 % 60)
PART(second, point.nanos / NANOS_PER_SECOND % 60)
PART(nano, point.nanos % NANOS_PER_SECOND)

static int get_day_of_week(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = day_of_week(ev, self_point(call).days);
	return 0;
}

static int is_leap_year(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_bool(civil_month_length(self_date(call).year, 2) == 29);
	return 0;
}

/* A date whose fields are looked at. */
static int check_date(struct eval *ev, int64_t year, int64_t month, int64_t day, int64_t *ret_days)
{
	if (year > 999999999 || year < -999999999)
		return fail(ev, FAIL_DATE, "Invalid value for Year: %lld", (long long)year);
	if (month < 1 || month > 12)
		return fail(ev, FAIL_DATE,
			"Invalid value for MonthOfYear (valid values 1 - 12): %lld",
			(long long)month);
	if (day < 1 || day > 31)
		return fail(ev, FAIL_DATE,
			"Invalid value for DayOfMonth (valid values 1 - 28/31): %lld",
			(long long)day);
	if (day > civil_month_length(year, (int)month))
		return fail(ev, FAIL_DATE, "Invalid date: %lld-%lld-%lld", (long long)year,
			(long long)month, (long long)day);
	*ret_days = civil_to_days((struct civil){ year, (int)month, (int)day });
	return 0;
}

/* The same with other fields; a day beyond the month's end is clamped unless it was asked for. */
static int with(
	struct eval *ev, const struct call *call, struct civil date, bool clamp, struct value *ret)
{
	struct point point = self_point(call);
	if (clamp && date.month >= 1 && date.month <= 12 &&
		date.day > civil_month_length(date.year, date.month))
		date.day = civil_month_length(date.year, date.month);
	if (check_date(ev, date.year, date.month, date.day, &point.days) < 0)
		return -1;
	return from_point(ev, call->self.object->class, point, ret);
}

static int with_day(struct eval *ev, const struct call *call, struct value *ret)
{
	struct civil date = self_date(call);
	date.day = (int)call->args[0].integer;
	return with(ev, call, date, false, ret);
}

static int date_of_year_day(struct eval *ev, const struct java_class *class, struct point point,
	int64_t year, int64_t day, struct value *ret)
{
	if (year > 999999999 || year < -999999999)
		return fail(ev, FAIL_DATE, "Invalid value for Year: %lld", (long long)year);
	if (day < 1 || day > 366)
		return fail(ev, FAIL_DATE,
			"Invalid value for DayOfYear (valid values 1 - 365/366): %lld",
			(long long)day);
	if (day == 366 && civil_month_length(year, 2) == 28)
		return fail(ev, FAIL_DATE,
			"Invalid date 'DayOfYear 366' as '%lld' is not a leap year", (long long)year);
	point.days = civil_to_days((struct civil){ year, 1, 1 }) + day - 1;
	return from_point(ev, class, point, ret);
}

static int with_day_of_year(struct eval *ev, const struct call *call, struct value *ret)
{
	return date_of_year_day(ev, call->self.object->class, self_point(call),
		self_date(call).year, call->args[0].integer, ret);
}

static int of_year_day(struct eval *ev, const struct call *call, struct value *ret)
{
	return date_of_year_day(ev, &java_local_date, (struct point){ 0 }, call->args[0].integer,
		call->args[1].integer, ret);
}

static int with_month(struct eval *ev, const struct call *call, struct value *ret)
{
	struct civil date = self_date(call);
	date.month = (int)call->args[0].integer;
	return with(ev, call, date, true, ret);
}

static int with_year(struct eval *ev, const struct call *call, struct value *ret)
{
	struct civil date = self_date(call);
	date.year = call->args[0].integer;
	return with(ev, call, date, true, ret);
}

static int with_time(
	struct eval *ev, const struct call *call, int64_t unit, int64_t count, struct value *ret)
{
	struct point point = self_point(call);
	int64_t value = call->args[0].integer;
	if (value < 0 || value >= count)
		return fail(ev, FAIL_DATE, "Invalid value (valid values 0 - %lld): %lld",
			(long long)count - 1, (long long)value);
	int64_t old = point.nanos / unit % count;
	point.nanos += (value - old) * unit;
	return from_point(ev, call->self.object->class, point, ret);
}

static int with_hour(struct eval *ev, const struct call *call, struct value *ret)
{
	return with_time(ev, call, 3600 * NANOS_PER_SECOND, 24, ret);
}

static int with_minute(struct eval *ev, const struct call *call, struct value *ret)
{
	return with_time(ev, call, 60 * NANOS_PER_SECOND, 60, ret);
}

static int with_second(struct eval *ev, const struct call *call, struct value *ret)
{
	return with_time(ev, call, NANOS_PER_SECOND, 60, ret);
}

static int with_nano(struct eval *ev, const struct call *call, struct value *ret)
{
	return with_time(ev, call, 1, NANOS_PER_SECOND, ret);
}

static int truncated_to(struct eval *ev, const struct call *call, struct value *ret)
{
	static const int64_t lengths[] = { 1, 1000, 1000000, NANOS_PER_SECOND, 60 * NANOS_PER_SECOND,
		3600 * NANOS_PER_SECOND, 43200 * NANOS_PER_SECOND, NANOS_PER_DAY };
	struct point point = self_point(call);
	int64_t unit = call->args[0].object->a;
	if (unit > UNIT_DAYS)
		return fail(ev, FAIL_DATE, "Unit is too large to be used for truncation");
	point.nanos -= point.nanos % lengths[unit];
	return from_point(ev, call->self.object->class, point, ret);
}

static void date_print(int64_t days, struct strbuf *buf)
{
	struct civil date = civil_of_days(days);
	if (date.year < 0 || date.year > 9999)
		strbuf_printf(buf, "%c%04lld", date.year < 0 ? '-' : '+',
			(long long)(date.year < 0 ? -date.year : date.year));
	else
		strbuf_printf(buf, "%04lld", (long long)date.year);
	strbuf_printf(buf, "-%02d-%02d", date.month, date.day);
}

static int date_text(struct eval *ev, const struct object *object, struct strbuf *buf)
{
	date_print(object->a, buf);
	return 0;
}

static int date_time_text(struct eval *ev, const struct object *object, struct strbuf *buf)
{
	date_print(object->a, buf);
	strbuf_add_char(buf, 'T');
	time_text(object->b, false, buf);
	return 0;
}

static int instant_text(struct eval *ev, const struct object *object, struct strbuf *buf)
{
	struct point point;
	point_of(object, &point);
	date_print(point.days, buf);
	strbuf_add_char(buf, 'T');
	time_text(point.nanos, true, buf);
	strbuf_add_char(buf, 'Z');
	return 0;
}

/* Reading ISO texts */

static bool digits(struct str text, size_t *at, size_t count, int64_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < count; i++, (*at)++) {
		if (*at >= text.length || text.bytes[*at] < '0' || text.bytes[*at] > '9')
			return false;
		*ret = *ret * 10 + (text.bytes[*at] - '0');
	}
	return true;
}

static bool literal(struct str text, size_t *at, char c)
{
	if (*at >= text.length || text.bytes[*at] != c)
		return false;
	(*at)++;
	return true;
}

/* HH:mm[:ss[.fraction]] */
static bool read_time(struct str text, size_t *at, int64_t *ret_nanos)
{
	int64_t hour, minute, second = 0, fraction = 0;
	if (!digits(text, at, 2, &hour) || !literal(text, at, ':') || !digits(text, at, 2, &minute))
		return false;
	if (literal(text, at, ':') && !digits(text, at, 2, &second))
		return false;
	if (literal(text, at, '.')) {
		int64_t unit = NANOS_PER_SECOND, digit;
		while (unit > 1 && digits(text, at, 1, &digit)) {
			unit /= 10;
			fraction += digit * unit;
		}
	}
	*ret_nanos = ((hour * 60 + minute) * 60 + second) * NANOS_PER_SECOND + fraction;
	return hour < 24 && minute < 60 && second < 60;
}

static int cannot_parse(struct eval *ev, struct value text)
{
	struct str view = value_str(text);
	return fail(ev, FAIL_DATE, "Text '%.*s' could not be parsed",
		STR_ARG(str_slice(view, 0, view.length < 60 ? view.length : 60)));
}

static int read_date(struct eval *ev, struct value text, size_t *at, int64_t *ret_days)
{
	int64_t year, month, day;
	struct str view = value_str(text);
	if (text.kind != V_STRING || !digits(view, at, 4, &year) || !literal(view, at, '-') ||
		!digits(view, at, 2, &month) || !literal(view, at, '-') || !digits(view, at, 2, &day))
		return cannot_parse(ev, text);
	return check_date(ev, year, month, day, ret_days);
}

static int date_parse(struct eval *ev, const struct call *call, struct value *ret)
{
	size_t at = 0;
	int64_t days;
	if (read_date(ev, call->args[0], &at, &days) < 0)
		return -1;
	if (at != call->args[0].length)
		return cannot_parse(ev, call->args[0]);
	*ret = java_object(ev, &java_local_date, days, 0);
	return 0;
}

static int read_point(struct eval *ev, struct value text, bool zone, struct point *ret)
{
	size_t at = 0;
	struct str view = value_str(text);
	if (read_date(ev, text, &at, &ret->days) < 0)
		return -1;
	if (!literal(view, &at, 'T') || !read_time(view, &at, &ret->nanos) ||
		(zone && !literal(view, &at, 'Z')) || at != view.length)
		return cannot_parse(ev, text);
	return 0;
}

static int date_time_parse(struct eval *ev, const struct call *call, struct value *ret)
{
	struct point point;
	if (read_point(ev, call->args[0], false, &point) < 0)
		return -1;
	return from_point(ev, &java_local_date_time, point, ret);
}

static int instant_parse(struct eval *ev, const struct call *call, struct value *ret)
{
	struct point point;
	if (read_point(ev, call->args[0], true, &point) < 0)
		return -1;
	return from_point(ev, &java_instant, point, ret);
}

/* Making */

static int64_t nanos_of_wall(struct wall wall)
{
	return ((wall.hour * 60ll + wall.minute) * 60 + wall.second) * NANOS_PER_SECOND +
		wall.milli * 1000000ll;
}

static int date_now(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = java_object(ev, &java_local_date, wall_of_ms(eval_now_ms(ev)).days, 0);
	return 0;
}

static int date_time_now(struct eval *ev, const struct call *call, struct value *ret)
{
	struct wall wall = wall_of_ms(eval_now_ms(ev));
	*ret = java_object(ev, &java_local_date_time, wall.days, nanos_of_wall(wall));
	return 0;
}

static int instant_of_ms(struct eval *ev, int64_t ms, struct value *ret)
{
	int64_t seconds = floor_div(ms, 1000);
	*ret = java_object(ev, &java_instant, seconds, (ms - seconds * 1000) * 1000000);
	return 0;
}

static int instant_now(struct eval *ev, const struct call *call, struct value *ret)
{
	return instant_of_ms(ev, eval_now_ms(ev), ret);
}

static int instant_of_epoch_milli(struct eval *ev, const struct call *call, struct value *ret)
{
	return instant_of_ms(ev, call->args[0].integer, ret);
}

static int instant_of_epoch_second(struct eval *ev, const struct call *call, struct value *ret)
{
	int64_t seconds = call->args[0].integer, nanos = 0;
	if (call->count > 1) {
		nanos = call->args[1].integer;
		if (__builtin_add_overflow(seconds, floor_div(nanos, NANOS_PER_SECOND), &seconds))
			return fail(ev, FAIL_ARITHMETIC, "long overflow");
		nanos -= floor_div(nanos, NANOS_PER_SECOND) * NANOS_PER_SECOND;
	}
	if (seconds > 31556889864403199ll || seconds < -31557014167219200ll)
		return fail(ev, FAIL_DATE, "Instant exceeds minimum or maximum instant");
	*ret = java_object(ev, &java_instant, seconds, nanos);
	return 0;
}

static int date_of(struct eval *ev, const struct call *call, struct value *ret)
{
	int64_t days;
	if (check_date(ev, call->args[0].integer, call->args[1].integer, call->args[2].integer,
		    &days) < 0)
		return -1;
	*ret = java_object(ev, &java_local_date, days, 0);
	return 0;
}

static int date_of_epoch_day(struct eval *ev, const struct call *call, struct value *ret)
{
	int64_t days = call->args[0].integer;
	if (days > 365241780471ll || days < -365243219162ll)
		return fail(ev, FAIL_DATE, "Invalid value for EpochDay: %lld", (long long)days);
	*ret = java_object(ev, &java_local_date, days, 0);
	return 0;
}

/* Hour, minute and maybe second, nanosecond from argument FIRST on. */
static int time_of(struct eval *ev, const struct call *call, size_t first, int64_t *ret)
{
	static const int64_t counts[] = { 24, 60, 60, NANOS_PER_SECOND };
	int64_t parts[4] = { 0 };
	for (size_t i = 0; first + i < call->count; i++) {
		parts[i] = call->args[first + i].integer;
		if (parts[i] < 0 || parts[i] >= counts[i])
			return fail(ev, FAIL_DATE, "Invalid value (valid values 0 - %lld): %lld",
				(long long)counts[i] - 1, (long long)parts[i]);
	}
	*ret = ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * NANOS_PER_SECOND + parts[3];
	return 0;
}

static int date_time_of(struct eval *ev, const struct call *call, struct value *ret)
{
	struct point point;
	if (check_date(ev, call->args[0].integer, call->args[1].integer, call->args[2].integer,
		    &point.days) < 0 ||
		time_of(ev, call, 3, &point.nanos) < 0)
		return -1;
	return from_point(ev, &java_local_date_time, point, ret);
}

static int at_time(struct eval *ev, const struct call *call, struct value *ret)
{
	struct point point = self_point(call);
	if (time_of(ev, call, 0, &point.nanos) < 0)
		return -1;
	return from_point(ev, &java_local_date_time, point, ret);
}

static int to_local_date(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = java_object(ev, &java_local_date, self_point(call).days, 0);
	return 0;
}

static int to_epoch_day(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_long(self_point(call).days);
	return 0;
}

static int to_epoch_milli(struct eval *ev, const struct call *call, struct value *ret)
{
	const struct object *object = call->self.object;
	int64_t ms;
	if (__builtin_mul_overflow(object->a, 1000, &ms))
		return fail(ev, FAIL_ARITHMETIC, "long overflow");
	*ret = value_long(ms + object->b / 1000000);
	return 0;
}

static int get_epoch_second(struct eval *ev, const struct call *call, struct value *ret)
{
	*ret = value_long(call->self.object->a);
	return 0;
}

/* SELF is an expression that gives one. */
#define DATE_METHODS(code, type, self)                                                               \
	{ "getYear", "", "int", get_year, "the year", self ".getYear()" },                           \
		{ "getMonthValue", "", "int", get_month, "the month, 1 is January",                  \
			self ".getMonthValue()" },                                                   \
		{ "getDayOfMonth", "", "int", get_day, "the day of the month",                       \
			self ".getDayOfMonth()" },                                                   \
		{ "getDayOfYear", "", "int", get_day_of_year, "the day of the year",                 \
			self ".getDayOfYear()" },                                                    \
		{ "getDayOfWeek", "", "DayOfWeek", get_day_of_week, "the weekday",                   \
			self ".getDayOfWeek().toString()" },                                         \
		{ "plusDays", "j", type, plus_days, "so many days later",                            \
			self ".plusDays(1).toString()" },                                            \
		{ "minusDays", "j", type, minus_days, "so many days earlier",                        \
			self ".minusDays(1).toString()" },                                           \
		{ "plusWeeks", "j", type, plus_weeks, "so many weeks later",                         \
			self ".plusWeeks(1).toString()" },                                           \
		{ "minusWeeks", "j", type, minus_weeks, "so many weeks earlier",                     \
			self ".minusWeeks(1).toString()" },                                          \
		{ "plusMonths", "j", type, plus_months, "so many months later",                      \
			self ".plusMonths(1).toString()" },                                          \
		{ "minusMonths", "j", type, minus_months, "so many months earlier",                  \
			self ".minusMonths(1).toString()" },                                         \
		{ "plusYears", "j", type, plus_years, "so many years later",                         \
			self ".plusYears(1).toString()" },                                           \
		{ "minusYears", "j", type, minus_years, "so many years earlier",                     \
			self ".minusYears(1).toString()" },                                          \
		{ "plus", "jK", type, plus, "so many units later",                                   \
			self                                                                         \
			".plus(2, T(java.time.temporal.ChronoUnit).valueOf('DAYS')).toString()" },   \
		{ "minus", "jK", type, minus, "so many units earlier",                               \
			self                                                                         \
			".minus(2, T(java.time.temporal.ChronoUnit).valueOf('DAYS')).toString()" },  \
		{ "withDayOfMonth", "i", type, with_day, "with another day",                         \
			self ".withDayOfMonth(1).toString()" },                                      \
		{ "withMonth", "i", type, with_month, "with another month",                          \
			self ".withMonth(2).toString()" },                                           \
		{ "withYear", "i", type, with_year, "with another year",                             \
			self ".withYear(2023).toString()" },                                         \
		{ "isBefore", code, "boolean", is_before, "whether it is earlier",                   \
			self ".isBefore(T(java.time." type ").now())" },                             \
		{ "isAfter", code, "boolean", is_after, "whether it is later",                       \
			self ".isAfter(T(java.time." type ").now())" },                              \
		{ "isEqual", code, "boolean", is_equal, "whether it is the same",                    \
			self ".isEqual(" self ")" },                                                 \
		{ "withDayOfYear", "i", type, with_day_of_year, "another day of the year",           \
			self ".withDayOfYear(60).toString()" },                                      \
		{ "until", code "K", "long", until, "whole units up to another",                     \
			self ".until(" self ", T(java.time.temporal.ChronoUnit).valueOf('DAYS'))" }, \
	{                                                                                            \
		"compareTo", code, "int", date_compare_to, "below, at or above 0",                   \
			self ".compareTo(" self ")"                                                  \
	}

static const struct java_method local_date_methods[] = {
	DATE_METHODS("L", "LocalDate", "T(java.time.LocalDate).of(2024, 1, 31)"),
	{ "lengthOfMonth", "", "int", get_month_length, "days of its month",
		"T(java.time.LocalDate).of(2024, 1, 31).plusMonths(1).lengthOfMonth()" },
	{ "lengthOfYear", "", "int", get_year_length, "days of its year",
		"T(java.time.LocalDate).of(2024, 1, 31).lengthOfYear()" },
	{ "isLeapYear", "", "boolean", is_leap_year, "whether its year has 366 days",
		"T(java.time.LocalDate).of(2024, 1, 31).isLeapYear()" },
	{ "toEpochDay", "", "long", to_epoch_day, "days since 1970",
		"T(java.time.LocalDate).of(2024, 1, 31).toEpochDay()" },
	{ "atStartOfDay", "", "LocalDateTime", at_time, "midnight",
		"T(java.time.LocalDate).of(2024, 1, 31).atStartOfDay().toString()" },
	{ "atTime", "ii", "LocalDateTime", at_time, "that hour and minute",
		"T(java.time.LocalDate).of(2024, 1, 31).atTime(10, 30).toString()" },
	{ "atTime", "iii", "LocalDateTime", at_time, "that hour, minute and second",
		"T(java.time.LocalDate).of(2024, 1, 31).atTime(10, 30, 5).toString()" },
	{ 0 },
};
static const struct java_method local_date_statics[] = {
	{ "now", "", "LocalDate", date_now, "today", "T(java.time.LocalDate).now().toString()" },
	{ "of", "iii", "LocalDate", date_of, "year, month and day",
		"T(java.time.LocalDate).of(2024, 1, 31).toString()" },
	{ "ofYearDay", "ii", "LocalDate", of_year_day, "year and day of the year",
		"T(java.time.LocalDate).ofYearDay(2024, 60).toString()" },
	{ "ofEpochDay", "j", "LocalDate", date_of_epoch_day, "so many days after 1970",
		"T(java.time.LocalDate).ofEpochDay(366).toString()" },
	{ "parse", "q", "LocalDate", date_parse, "2020-01-31 as a date",
		"T(java.time.LocalDate).parse('2024-01-31').dayOfMonth" },
	{ 0 },
};
static const char *const local_refused[] = { "getMonth", "format", "atZone", "getChronology",
	"toLocalTime", "until", "with", "datesUntil", NULL };

const struct java_class java_local_date = {
	.name = "java.time.LocalDate",
	.nameable = true,
	.methods = local_date_methods,
	.statics = local_date_statics,
	.refused = local_refused,
	.text = date_text,
	.compare = java_object_compare,
};

static const struct java_method local_date_time_methods[] = {
	DATE_METHODS("T", "LocalDateTime", "T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30)"),
	{ "getHour", "", "int", get_hour, "the hour",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).getHour()" },
	{ "getMinute", "", "int", get_minute, "the minute",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).getMinute()" },
	{ "getSecond", "", "int", get_second, "the second",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).getSecond()" },
	{ "getNano", "", "int", get_nano, "nanoseconds of the second",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).getNano()" },
	{ "plusHours", "j", "LocalDateTime", plus_hours, "so many hours later",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).plusHours(14).toString()" },
	{ "minusHours", "j", "LocalDateTime", minus_hours, "so many hours earlier",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).minusHours(1).toString()" },
	{ "plusMinutes", "j", "LocalDateTime", plus_minutes, "so many minutes later",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).plusMinutes(45).toString()" },
	{ "minusMinutes", "j", "LocalDateTime", minus_minutes, "so many minutes earlier",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).minusMinutes(45).toString()" },
	{ "plusSeconds", "j", "LocalDateTime", plus_seconds, "so many seconds later",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).plusSeconds(5).toString()" },
	{ "minusSeconds", "j", "LocalDateTime", minus_seconds, "so many seconds earlier",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).minusSeconds(5).toString()" },
	{ "plusNanos", "j", "LocalDateTime", plus_nanos, "so many nanoseconds later",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).plusNanos(1000).toString()" },
	{ "minusNanos", "j", "LocalDateTime", minus_nanos, "so many nanoseconds earlier",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).minusNanos(1).toString()" },
	{ "withHour", "i", "LocalDateTime", with_hour, "with another hour",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).withHour(0).toString()" },
	{ "withMinute", "i", "LocalDateTime", with_minute, "with another minute",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).withMinute(0).toString()" },
	{ "withSecond", "i", "LocalDateTime", with_second, "with another second",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).withSecond(5).toString()" },
	{ "withNano", "i", "LocalDateTime", with_nano, "with another fraction",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).withNano(5000000).toString()" },
	{ "truncatedTo", "K", "LocalDateTime", truncated_to, "without smaller units",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).truncatedTo(T(java.time.temporal.ChronoUnit).valueOf('HOURS')).toString()" },
	{ "toLocalDate", "", "LocalDate", to_local_date, "the day",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).toLocalDate().toString()" },
	{ 0 },
};
static const struct java_method local_date_time_statics[] = {
	{ "now", "", "LocalDateTime", date_time_now, "now",
		"T(java.time.LocalDateTime).now().toString()" },
	{ "of", "iiiii", "LocalDateTime", date_time_of, "year … minute",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30).toString()" },
	{ "of", "iiiiii", "LocalDateTime", date_time_of, "year … second",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30, 5).toString()" },
	{ "of", "iiiiiii", "LocalDateTime", date_time_of, "year … nanosecond",
		"T(java.time.LocalDateTime).of(2024, 1, 31, 10, 30, 5, 1000).toString()" },
	{ "parse", "q", "LocalDateTime", date_time_parse, "2020-01-31T10:00 as a time",
		"T(java.time.LocalDateTime).parse('2024-01-31T10:30').hour" },
	{ 0 },
};

const struct java_class java_local_date_time = {
	.name = "java.time.LocalDateTime",
	.nameable = true,
	.methods = local_date_time_methods,
	.statics = local_date_time_statics,
	.refused = local_refused,
	.text = date_time_text,
	.compare = java_object_compare,
};

static const struct java_method instant_methods[] = {
	{ "toEpochMilli", "", "long", to_epoch_milli, "milliseconds since 1970",
		"T(java.time.Instant).ofEpochSecond(60).toEpochMilli()" },
	{ "getEpochSecond", "", "long", get_epoch_second, "seconds since 1970",
		"T(java.time.Instant).ofEpochSecond(60).getEpochSecond()" },
	{ "getNano", "", "int", get_nano, "nanoseconds of the second",
		"T(java.time.Instant).ofEpochSecond(60).getNano()" },
	{ "plusSeconds", "j", "Instant", plus_seconds, "so many seconds later",
		"T(java.time.Instant).ofEpochSecond(60).plusSeconds(5).toString()" },
	{ "minusSeconds", "j", "Instant", minus_seconds, "so many seconds earlier",
		"T(java.time.Instant).ofEpochSecond(60).minusSeconds(5).toString()" },
	{ "plusMillis", "j", "Instant", plus_millis, "so many milliseconds later",
		"T(java.time.Instant).ofEpochSecond(60).plusMillis(5).toString()" },
	{ "minusMillis", "j", "Instant", minus_millis, "so many milliseconds earlier",
		"T(java.time.Instant).ofEpochSecond(60).minusMillis(5).toString()" },
	{ "plusNanos", "j", "Instant", plus_nanos, "so many nanoseconds later",
		"T(java.time.Instant).ofEpochSecond(60).plusNanos(5).toString()" },
	{ "minusNanos", "j", "Instant", minus_nanos, "so many nanoseconds earlier",
		"T(java.time.Instant).ofEpochSecond(60).minusNanos(5).toString()" },
	{ "plus", "jK", "Instant", plus, "so many units later",
		"T(java.time.Instant).ofEpochSecond(60).plus(2, T(java.time.temporal.ChronoUnit).valueOf('DAYS')).toString()" },
	{ "minus", "jK", "Instant", minus, "so many units earlier",
		"T(java.time.Instant).ofEpochSecond(60).minus(2, T(java.time.temporal.ChronoUnit).valueOf('DAYS')).toString()" },
	{ "truncatedTo", "K", "Instant", truncated_to, "without smaller units",
		"T(java.time.Instant).ofEpochSecond(60).truncatedTo(T(java.time.temporal.ChronoUnit).valueOf('DAYS')).toString()" },
	{ "isBefore", "I", "boolean", is_before, "whether it is earlier",
		"T(java.time.Instant).ofEpochSecond(60).isBefore(T(java.time.Instant).now())" },
	{ "isAfter", "I", "boolean", is_after, "whether it is later",
		"T(java.time.Instant).ofEpochSecond(60).isAfter(T(java.time.Instant).now())" },
	{ "until", "IK", "long", until, "whole units up to another",
		"T(java.time.Instant).ofEpochSecond(60).until(T(java.time.Instant).ofEpochSecond(3660), T(java.time.temporal.ChronoUnit).valueOf('HOURS'))" },
	{ "compareTo", "I", "int", instant_compare_to, "below, at or above 0",
		"T(java.time.Instant).ofEpochSecond(60).compareTo(T(java.time.Instant).now())" },
	{ 0 },
};
static const struct java_method instant_statics[] = {
	{ "now", "", "Instant", instant_now, "now", "T(java.time.Instant).now().toString()" },
	{ "ofEpochMilli", "j", "Instant", instant_of_epoch_milli, "milliseconds after 1970",
		"T(java.time.Instant).ofEpochMilli(1706697000000L).toString()" },
	{ "ofEpochSecond", "j", "Instant", instant_of_epoch_second, "seconds after 1970",
		"T(java.time.Instant).ofEpochSecond(60).toString()" },
	{ "ofEpochSecond", "jj", "Instant", instant_of_epoch_second, "and nanoseconds",
		"T(java.time.Instant).ofEpochSecond(60, 5).toString()" },
	{ "parse", "q", "Instant", instant_parse, "2020-01-31T10:00:00Z as a moment",
		"T(java.time.Instant).parse('2024-01-31T10:30:00Z').epochSecond" },
	{ 0 },
};

const struct java_class java_instant = {
	.name = "java.time.Instant",
	.nameable = true,
	.methods = instant_methods,
	.statics = instant_statics,
	.refused = local_refused,
	.text = instant_text,
	.compare = java_object_compare,
};
