package io.headrace.engine;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The JVM flags without which the engine's libraries fail, late and obscurely. They are shipped as
 * argument files inside this jar: {@code META-INF/headrace/jvm17.args} for JDK 17 to 23, {@code
 * jvm24.args} from 24 on.
 */
@Stable
public final class JvmFlags {
    private static final String FOLDER = "META-INF/headrace/";
    private static final Pattern PACKAGE_FLAG =
            Pattern.compile("--add-(exports|opens)=(.+)/(.+)=ALL-UNNAMED");

    private JvmFlags() {}

    /**
     * Checks that the process was started with the flags.
     *
     * @throws EngineException naming every missing flag
     */
    public static void check() {
        Module caller = JvmFlags.class.getModule();
        List<String> missing = required().stream().filter(flag -> !isSet(flag, caller)).toList();
        if (!missing.isEmpty()) {
            throw new EngineException(
                    "missing JVM flags: flags="
                            + String.join(" ", missing)
                            + " file="
                            + FOLDER
                            + fileName()
                            + " (in the jar of headrace-engine-core; pass it as java @file)");
        }
    }

    /** The flags for this JDK, in order. */
    static List<String> required() {
        String resource = FOLDER + fileName();
        InputStream stream =
                Objects.requireNonNull(
                        JvmFlags.class.getClassLoader().getResourceAsStream(resource), resource);
        try (BufferedReader reader =
                new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
            return reader.lines().filter(line -> !line.startsWith("#")).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String fileName() {
        return Runtime.version().feature() >= 24 ? "jvm24.args" : "jvm17.args";
    }

    /** Flags that open or export a package can be looked up; the others only quieten warnings. */
    static boolean isSet(String flag, Module caller) {
        Matcher matcher = PACKAGE_FLAG.matcher(flag);
        if (!matcher.matches()) {
            return true;
        }
        Module module = ModuleLayer.boot().findModule(matcher.group(2)).orElseThrow();
        return matcher.group(1).equals("opens")
                ? module.isOpen(matcher.group(3), caller)
                : module.isExported(matcher.group(3), caller);
    }
}
