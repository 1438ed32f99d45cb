import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.*;
import org.springframework.expression.*;
import org.springframework.expression.common.*;
import org.springframework.expression.spel.standard.*;
import org.springframework.expression.spel.support.*;

/**
 * Runs the cases of tests/spec/expressions on Spring's own evaluator, under the restrictions that Spinnaker puts on it, and prints where
 * the expected result differs. Cases that need an execution or a helper function are skipped: these are Spinnaker's, not
 * Spring's. Run by tests/spec/spring/run.
 */
public class Differential {
	static final ObjectMapper json = new ObjectMapper();
	static final ParserContext dollar = new TemplateParserContext("${", "}");
	static final Set<Class<?>> types = Set.of(String.class, Integer.class, Long.class, Double.class, Byte.class,
		Boolean.class, Math.class, Date.class, Random.class, UUID.class, java.text.SimpleDateFormat.class,
		java.time.LocalDate.class, java.time.LocalDateTime.class, java.time.Instant.class,
		java.time.DayOfWeek.class, java.time.temporal.ChronoUnit.class,
		java.time.temporal.TemporalAdjusters.class, java.net.URLEncoder.class);
	static final Set<Class<?>> results = new HashSet<>(types);
	static {
		results.addAll(List.of(Collection.class, Map.class, SortedMap.class, List.class, Set.class, SortedSet.class,
			ArrayList.class, LinkedList.class, HashSet.class, LinkedHashSet.class, HashMap.class,
			LinkedHashMap.class, TreeMap.class, TreeSet.class));
	}

	static boolean allowed(Method method) {
		Class<?> type = method.getReturnType();
		while (type.isArray())
			type = type.getComponentType();
		return (type.isPrimitive() || results.contains(type))
			&& !Set.of("getClass", "wait", "notify", "notifyAll", "getBoolean", "getInteger", "getLong").contains(method.getName())
			&& method.getDeclaringClass() != Class.class;
	}

	static class Methods extends ReflectiveMethodResolver {
		@Override protected Method[] getMethods(Class<?> type) {
			return Arrays.stream(super.getMethods(type)).filter(Differential::allowed).toArray(Method[]::new);
		}
	}

	static class Properties extends ReflectivePropertyAccessor {
		@Override protected Method findGetterForProperty(String name, Class<?> type, boolean isStatic) {
			Method method = super.findGetterForProperty(name, type, isStatic);
			return method != null && allowed(method) ? method : null;
		}
		@Override protected java.lang.reflect.Field findField(String name, Class<?> type, boolean isStatic) {
			return null;
		}
	}

	static class Maps implements PropertyAccessor {
		final boolean lenient;
		Maps(boolean lenient) { this.lenient = lenient; }
		public Class<?>[] getSpecificTargetClasses() { return new Class<?>[] { Map.class }; }
		public boolean canRead(EvaluationContext c, Object target, String name) {
			return lenient || ((Map<?, ?>) target).containsKey(name);
		}
		/* Called without canRead() when an element before could be read: it fails by itself then. */
		public TypedValue read(EvaluationContext c, Object target, String name) throws AccessException {
			if (!canRead(c, target, name))
				throw new AccessException("no key " + name);
			return new TypedValue(((Map<?, ?>) target).get(name));
		}
		public boolean canWrite(EvaluationContext c, Object target, String name) { return true; }
		@SuppressWarnings("unchecked") public void write(EvaluationContext c, Object target, String name, Object v) {
			((Map<Object, Object>) target).put(name, v);
		}
	}

	static EvaluationContext context(Object root, boolean lenient) {
		StandardEvaluationContext context = new StandardEvaluationContext(root);
		StandardTypeLocator locator = new StandardTypeLocator() {
			@Override public Class<?> findType(String name) {
				Class<?> type = super.findType(name);
				if (types.contains(type) || type.isPrimitive())
					return type;
				throw new SpelEvaluation(name);
			}
		};
		context.setTypeLocator(locator);
		context.setMethodResolvers(new ArrayList<>(List.of(new Methods())));
		context.setPropertyAccessors(new ArrayList<>(List.of(new Maps(lenient), new Properties())));
		return context;
	}

	static class SpelEvaluation extends RuntimeException {
		SpelEvaluation(String name) { super("type " + name + " is refused"); }
	}

	/** What a string becomes: [outcome, value]. */
	static Object[] string(String text, EvaluationContext context) {
		if (!text.contains("${"))
			return new Object[] { "VALUE", text };
		try {
			Expression expression = new SpelExpressionParser().parseExpression(text, dollar);
			if (!(expression instanceof CompositeStringExpression)) {
				Object value = expression.getValue(context);
				return value == null ? new Object[] { "INFO", text } : new Object[] { "VALUE", value };
			}
			StringBuilder result = new StringBuilder();
			boolean missing = false;
			for (Expression part : ((CompositeStringExpression) expression).getExpressions()) {
				String piece = part.getValue(context, String.class);
				missing |= piece == null;
				result.append(piece == null ? "${" + part.getExpressionString() + "}" : piece);
			}
			return new Object[] { missing ? "INFO" : "VALUE", result.toString() };
		} catch (Throwable failure) {
			return new Object[] { "ERROR", failure.toString() };
		}
	}

	/** The same with a deadline: Spring has no limit of its own for much of what security.spec asks. */
	static Object[] bounded(String text, EvaluationContext context) throws Exception {
		Object[][] got = { new Object[] { "ENDLESS", "nothing within 5 s" } };
		Thread thread = new Thread(() -> got[0] = string(text, context));
		thread.setDaemon(true);
		thread.start();
		thread.join(5000);
		return got[0];
	}

	/** Sources that are known to differ, each under its reason: a line "# reason", then the sources. */
	static Map<String, String> known(Path path) throws Exception {
		Map<String, String> known = new HashMap<>();
		String reason = "";
		for (String line : Files.readAllLines(path)) {
			if (line.startsWith("# "))
				reason = line.substring(2);
			else if (!line.isBlank())
				known.put(line, reason);
		}
		return known;
	}

	static JsonNode tree(Object value) throws Exception {
		return json.readTree(json.writeValueAsString(value));
	}

	static boolean same(String expected, Object[] got) throws Exception {
		if (expected.startsWith("ERROR"))
			return got[0].equals("ERROR");
		if (expected.startsWith("INFO"))
			return got[0].equals("INFO")
				&& (expected.length() == 4 || json.readTree(expected.substring(5)).equals(tree(got[1])));
		if (!got[0].equals("VALUE"))
			return false;
		try {
			return json.readTree(expected).equals(tree(got[1])) || expected.equals(json.writeValueAsString(got[1]));
		} catch (Exception failure) {
			return false;
		}
	}

	/** DIFFERENCES FILE…: the exit status is 1 when a case differs that is not known to, or one that is known does not. */
	public static void main(String[] args) throws Exception {
		int same = 0, different = 0, skipped = 0, expected_different = 0;
		Map<String, String> known = known(Path.of(args[0]));
		Set<String> differing = new HashSet<>();
		for (String file : Arrays.copyOfRange(args, 1, args.length)) {
			Map<String, String> names = new HashMap<>();
			List<String> lines = Files.readAllLines(Path.of(file));
			for (int i = 0; i < lines.size(); i++) {
				String line = lines.get(i);
				if (line.isBlank() || line.startsWith("# ") || line.equals("#"))
					continue;
				if (line.startsWith("@") && line.contains(" = ")) {
					names.put(line.substring(0, line.indexOf(" = ")), line.substring(line.indexOf(" = ") + 3));
					continue;
				}
				String root = names.getOrDefault(line.trim(), line), source = lines.get(i + 1),
				       expected = lines.get(i + 2).trim();
				i += 2;
				boolean strict = source.startsWith("strict ");
				if (strict)
					source = source.substring(7);
				boolean helper = source.matches("(?s).*(#(?!root|this|v\\b|nothing|index)[a-zA-Z]|deployedServerGroups).*");
				if (source.startsWith("map ") || root.contains("\"execution\"") || helper) {
					skipped++;
					continue;
				}
				Object[] got = bounded(source, context(json.readValue(root, LinkedHashMap.class), !strict));
				if (same(expected, got)) {
					same++;
					continue;
				}
				if (known.containsKey(source)) {
					differing.add(source);
					expected_different++;
					continue;
				}
				different++;
				String shown;
				try {
					shown = json.writeValueAsString(got[1]);
				} catch (Exception failure) {
					shown = String.valueOf(got[1]);
				}
				if (shown.length() > 300)
					shown = shown.substring(0, 300) + "…";
				System.out.printf("%s:%d: %s%n  root:     %s%n  expected: %s%n  Spring:   %s %s%n", file, i - 1, source,
					root, expected, got[0], shown);
			}
		}
		for (String source : known.keySet())
			if (!differing.contains(source)) {
				System.out.printf("known to differ, but does not: %s%n", source);
				different++;
			}
		System.out.printf("%d the same, %d differ for a known reason, %d differ, %d are not Spring's%n", same, expected_different,
			different, skipped);
		System.exit(different == 0 ? 0 : 1);
	}
}
