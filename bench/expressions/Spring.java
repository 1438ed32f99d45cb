import com.fasterxml.jackson.databind.ObjectMapper;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.*;
import org.springframework.asm.MethodVisitor;
import org.springframework.expression.*;
import org.springframework.expression.common.TemplateParserContext;
import org.springframework.expression.spel.*;
import org.springframework.expression.spel.standard.*;
import org.springframework.expression.spel.support.StandardEvaluationContext;

/**
 * Spring's own evaluator on the benchmark's shapes: a line each, by tabs: shape, interpreted and parsed before, interpreted and parsed
 * each time, compiled, and one text in the way Spinnaker does it (a fresh context with the helpers, helper calls rewritten, parsed).
 * The execution is made of beans and the helpers are static methods, as Spinnaker's are. No method is forbidden, which is in
 * Spring's favour.
 */
public class Spring {
	static final TemplateParserContext dollar = new TemplateParserContext("${", "}");
	static final String[] helpers = { "stage", "judgment", "stageByRefId", "stageExists", "deployedServerGroups",
		"triggerResolvedArtifact", "manifestLabelValue", "pipelineId" };
	static volatile Object sink;

	public static class Stage {
		private final Map<String, Object> json;
		Stage(Map<String, Object> json) { this.json = json; }
		public String getId() { return (String) json.get("id"); }
		public String getRefId() { return (String) json.get("refId"); }
		public String getType() { return (String) json.get("type"); }
		public String getName() { return (String) json.get("name"); }
		public String getStatus() { return (String) json.get("status"); }
		@SuppressWarnings("unchecked") public Map<String, Object> getContext() { return (Map<String, Object>) json.get("context"); }
		@SuppressWarnings("unchecked") public Map<String, Object> getOutputs() { return (Map<String, Object>) json.get("outputs"); }
	}

	public static class Execution {
		private final List<Stage> stages = new ArrayList<>();
		public List<Stage> getStages() { return stages; }
	}

	public static Stage stage(Execution execution, String name) {
		return execution.getStages().stream().filter(s -> name.equals(s.getName()) || name.equals(s.getId())).findFirst()
			.orElseThrow(() -> new IllegalArgumentException(name));
	}

	public static Object judgment(Execution execution, String name) {
		return execution.getStages().stream()
			.filter(s -> name.equals(s.getName()) && "manualJudgment".equals(s.getType())
				&& s.getContext().get("judgmentInput") != null)
			.findFirst().orElseThrow(() -> new IllegalArgumentException(name)).getContext().get("judgmentInput");
	}

	public static Integer toInt(String text) { return Integer.valueOf(text); }

	/** Spring's MapAccessor, so that maps can be compiled. */
	public static class Maps implements CompilablePropertyAccessor {
		public Class<?>[] getSpecificTargetClasses() { return new Class<?>[] { Map.class }; }
		public boolean canRead(EvaluationContext c, Object target, String name) { return true; }
		public TypedValue read(EvaluationContext c, Object target, String name) {
			return new TypedValue(((Map<?, ?>) target).get(name));
		}
		public boolean canWrite(EvaluationContext c, Object target, String name) { return false; }
		public void write(EvaluationContext c, Object target, String name, Object value) { }
		public boolean isCompilable() { return true; }
		public Class<?> getPropertyType() { return Object.class; }
		public void generateCode(String name, MethodVisitor visitor, CodeFlow flow) {
			String last = flow.lastDescriptor();
			if (last == null || !last.equals("Ljava/util/Map")) {
				if (last == null)
					flow.loadTarget(visitor);
				CodeFlow.insertCheckCast(visitor, "Ljava/util/Map");
			}
			visitor.visitLdcInsn(name);
			visitor.visitMethodInsn(185, "java/util/Map", "get", "(Ljava/lang/Object;)Ljava/lang/Object;", true);
		}
	}

	static StandardEvaluationContext context(Object root) throws Exception {
		StandardEvaluationContext context = new StandardEvaluationContext(root);
		context.addPropertyAccessor(new Maps());
		for (Method method : Spring.class.getDeclaredMethods())
			if (Set.of("stage", "judgment", "toInt").contains(method.getName()))
				context.registerFunction(method.getName(), method);
		return context;
	}

	static String rewritten(String text) {
		for (String helper : helpers)
			if (!text.contains("#" + helper + "( #root.execution"))
				text = text.replace("#" + helper + "(", "#" + helper + "( #root.execution, ");
		return text;
	}

	interface Run { Object run() throws Exception; }

	static long now() { return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime(); }

	/** The best of some rounds, in ns of this thread's CPU time (collecting garbage is not in it), once the JIT has had its time. */
	static long measure(Run run) throws Exception {
		double best = 1e18;
		for (int round = 0; round < 15; round++) {
			long start = now(), took;
			int count = 0;
			do {
				for (int i = 0; i < 200; i++)
					sink = run.run();
				count += 200;
				took = now() - start;
			} while (took < 60_000_000L);
			best = Math.min(best, (double) took / count);
		}
		return Math.round(best);
	}

	@SuppressWarnings("unchecked") public static void main(String[] files) throws Exception {
		Map<String, Object> root = new ObjectMapper().readValue(Path.of(files[0]).toFile(), LinkedHashMap.class);
		Map<String, Object> json = (Map<String, Object>) root.get("execution");
		Execution execution = new Execution();
		for (Object stage : (List<?>) json.get("stages"))
			execution.getStages().add(new Stage((Map<String, Object>) stage));
		root.put("execution", execution);
		root.put("parameters", ((Map<String, Object>) root.get("trigger")).get("parameters"));

		SpelExpressionParser plain = new SpelExpressionParser(
			new SpelParserConfiguration(SpelCompilerMode.OFF, Spring.class.getClassLoader()));
		SpelExpressionParser compiler = new SpelExpressionParser(
			new SpelParserConfiguration(SpelCompilerMode.IMMEDIATE, Spring.class.getClassLoader()));
		StandardEvaluationContext context = context(root);
		for (String shape : Files.readAllLines(Path.of(files[1]))) {
			if (shape.isBlank())
				continue;
			String body = rewritten(shape);
			Expression interpreted = plain.parseExpression(body);
			SpelExpression compiled = (SpelExpression) compiler.parseExpression(body);
			for (int i = 0; i < 10; i++)
				compiled.getValue(context);
			boolean works = compiled.compileExpression();
			long a = measure(() -> interpreted.getValue(context));
			long b = measure(() -> plain.parseExpression(body).getValue(context));
			long c = works ? measure(() -> compiled.getValue(context)) : 0;
			long d = measure(() -> plain.parseExpression(rewritten("${" + shape + "}"), dollar).getValue(context(root)));
			System.out.println(shape + "\t" + a + "\t" + b + "\t" + c + "\t" + d);
		}
	}
}
