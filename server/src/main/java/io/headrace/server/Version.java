package io.headrace.server;

import java.util.Objects;
import picocli.CommandLine.IVersionProvider;

/** The version of this build, as the jar's manifest has it. */
public final class Version implements IVersionProvider {

    /** The version, or "development" where the classes do not come from a jar. */
    public static String text() {
        return Objects.requireNonNullElse(
                Version.class.getPackage().getImplementationVersion(), "development");
    }

    @Override
    public String[] getVersion() {
        return new String[] {"headrace " + text() + " (JDK " + Runtime.version() + ")"};
    }
}
