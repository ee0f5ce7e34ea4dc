package io.headrace.engine.view;

import io.headrace.engine.Alias;
import io.headrace.engine.Alias.Version;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What the configs of an alias say.
 *
 * @param alias as shells see it
 */
public record AliasSpec(Alias alias) implements ViewSpec {
    static AliasSpec of(Map<String, String> configs) {
        return new AliasSpec(Alias.of(configs));
    }

    /** All that it has shown, as far as they are known to be there. */
    @Override
    public List<String> topics() {
        return alias.versions().stream().filter(Objects::nonNull).map(Version::name).toList();
    }
}
