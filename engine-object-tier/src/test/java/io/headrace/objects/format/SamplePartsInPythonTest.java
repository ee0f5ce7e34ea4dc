package io.headrace.objects.format;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.headrace.engine.batch.SamplePartsLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The reader of samples of several parts that docs/design/formats.md prints, run as it stands. */
final class SamplePartsInPythonTest {
    private static final Path DOCUMENT = Path.of("../docs/design/formats.md");
    private static final String PRINT =
            "\nprint({n: bytes(v) for n, v in parts(open('value', 'rb').read()).items()})";

    @TempDir private Path folder;

    @Test
    void readsWhatTheLayoutWrites() throws Exception {
        Tools.requirePython();
        Matcher code =
                Pattern.compile("```python\n(.*?def parts.*?)```", Pattern.DOTALL)
                        .matcher(Files.readString(DOCUMENT));
        assertTrue(code.find());
        assertTrue(code.group(1).lines().count() <= 10, "ten lines");
        Files.write(folder.resolve("value"), value());
        assertEquals(
                "{'jpg': b'\\x01\\x02', 'é': b''}\n",
                Tools.run(folder, Tools.PYTHON, "-X", "utf8", "-c", code.group(1) + PRINT));
    }

    private static byte[] value() {
        byte[] value = new byte[100];
        ByteBuffer into = ByteBuffer.wrap(value);
        SamplePartsLayout layout = new SamplePartsLayout().begin(into, 0, 2);
        into.put(layout.part("jpg", 2), new byte[] {1, 2});
        layout.part("é", 0);
        return Arrays.copyOf(value, layout.end());
    }
}
