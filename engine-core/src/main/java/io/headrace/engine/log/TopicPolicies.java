package io.headrace.engine.log;

import io.headrace.engine.EngineContext.TopicPolicy;
import io.headrace.engine.TopicSpec;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Configs that a topic's name brings along: written into the topic at its creation, so that they
 * stay with it.
 */
final class TopicPolicies {
    private TopicPolicies() {}

    /**
     * The spec's configs, with those of matching prefixes where the spec says nothing; the longest
     * prefix wins.
     */
    static Map<String, String> apply(List<TopicPolicy> policies, TopicSpec spec) {
        if (policies.isEmpty()) {
            return spec.configs();
        }
        Map<String, String> configs = new HashMap<>();
        policies.stream()
                .filter(policy -> spec.name().startsWith(policy.namePrefix()))
                .sorted(Comparator.comparingInt(policy -> policy.namePrefix().length()))
                .forEach(policy -> configs.putAll(policy.configs()));
        configs.putAll(spec.configs());
        return configs;
    }
}
