/*
 * Dates and times: Date, SimpleDateFormat, LocalDate, LocalDateTime, Instant, DayOfWeek, ChronoUnit, TemporalAdjusters. The calendar is the
 * proleptic Gregorian one, the zone the server's. Private to expr.
 *
 * In struct object: Date .a ms; LocalDate .a days since 1970; LocalDateTime .a days, .b nanoseconds of the day;
 * Instant .a seconds, .b nanoseconds; DayOfWeek .a 0 = Monday; ChronoUnit .a its index.
 */
#ifndef EXPR_JAVA_TIME_H
#define EXPR_JAVA_TIME_H

#include "expr/java.h"

#define NANOS_PER_SECOND 1000000000ll
#define SECONDS_PER_DAY 86400ll
#define NANOS_PER_DAY (NANOS_PER_SECOND * SECONDS_PER_DAY)

/* A date of the calendar; month and day begin with 1. */
struct civil {
	int64_t year;
	int month, day;
};

/* A / B rounded down; B is positive. */
static inline int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int64_t civil_to_days(struct civil date);
struct civil civil_of_days(int64_t days);
int civil_month_length(int64_t year, int month);
/* 0 = Monday. */
int civil_weekday(int64_t days);

/* Wall clock of the server's zone. */
struct wall {
	struct civil date;
	int64_t days;
	int hour, minute, second, milli;
	int offset_s; /* from UTC */
	bool daylight;
	char zone[16];
};

struct wall wall_of_ms(int64_t ms);
/* The moment when the server's clocks show this. */
int64_t wall_to_ms(int64_t days, int64_t ms_of_day);

/* date_format.c: SimpleDateFormat. */
int date_format_write(struct eval *ev, struct str pattern, int64_t ms, struct strbuf *buf);
int date_format_wall(
	struct eval *ev, struct str pattern, const struct wall *wall, struct strbuf *buf);
int date_format_read(struct eval *ev, struct str pattern, struct str text, int64_t *ret_ms);

/* Units of time, in the order of Java's enum. */
enum unit {
	UNIT_NANOS,
	UNIT_MICROS,
	UNIT_MILLIS,
	UNIT_SECONDS,
	UNIT_MINUTES,
	UNIT_HOURS,
	UNIT_HALF_DAYS,
	UNIT_DAYS,
	UNIT_WEEKS,
	UNIT_MONTHS,
	UNIT_YEARS,
	UNIT_DECADES,
	UNIT_CENTURIES,
	UNIT_MILLENNIA,
	UNIT_ERAS,
	UNIT_FOREVER,
};

/* A point on a local time line; nanoseconds of the day. */
struct point {
	int64_t days, nanos;
};

/* POINT moved by AMOUNT units: 0, or -1 when it leaves the years -999999999 … 999999999. */
int point_add(struct eval *ev, struct point *point, enum unit unit, int64_t amount);
/* Whole units from A to B. */
int point_between(struct eval *ev, struct point a, struct point b, enum unit unit, int64_t *ret);
/* The point of a LocalDate, LocalDateTime or Instant; false for others. */
bool point_of(const struct object *object, struct point *ret);
/* ChronoUnit.between: a method, for the dates' own until too. */
int java_unit_between(struct eval *ev, const struct call *call, struct value *ret);
const char *unit_text(int64_t unit); /* "Days" */
struct value day_of_week(struct eval *ev, int64_t days);
/* "10:00", "10:00:05.123": seconds and fraction only when they are not zero. */
void time_text(int64_t nanos, bool seconds, struct strbuf *buf);

extern const struct java_class java_date, java_date_format, java_local_date, java_local_date_time,
	java_instant, java_day_of_week, java_chrono_unit, java_temporal_adjusters;

#endif
