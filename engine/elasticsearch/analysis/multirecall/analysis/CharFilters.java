package multirecall.analysis;

import static org.elasticsearch.plugins.AnalysisPlugin.requiresAnalysisSettings;

import java.io.Reader;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.charfilter.HTMLStripCharFilter;
import org.apache.lucene.analysis.charfilter.MappingCharFilter;
import org.apache.lucene.analysis.charfilter.NormalizeCharMap;
import org.apache.lucene.analysis.pattern.PatternReplaceCharFilter;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.analysis.Analysis;
import org.elasticsearch.index.analysis.CharFilterFactory;
import org.elasticsearch.index.analysis.NormalizingCharFilterFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;

/** {@code html_strip}, {@code mapping} and {@code pattern_replace}: what happens to the text before the tokenizer. */
final class CharFilters {

    private CharFilters() {}

    static Map<String, AnalysisProvider<CharFilterFactory>> all() {
        return Map.of(
            "html_strip", CharFilters::htmlStrip,
            "mapping", requiresAnalysisSettings(CharFilters::mapping),
            "pattern_replace", requiresAnalysisSettings(CharFilters::patternReplace));
    }

    private record Plain(String name, UnaryOperator<Reader> filter) implements CharFilterFactory {
        @Override
        public Reader create(Reader text) {
            return filter.apply(text);
        }
    }

    private record Normalizing(String name, UnaryOperator<Reader> filter) implements NormalizingCharFilterFactory {
        @Override
        public Reader create(Reader text) {
            return filter.apply(text);
        }
    }

    private static CharFilterFactory htmlStrip(IndexSettings index, Environment env, String name, Settings settings) {
        Set<String> kept = Set.copyOf(settings.getAsList("escaped_tags"));
        return new Plain(name, text -> new HTMLStripCharFilter(text, kept));
    }

    private static CharFilterFactory patternReplace(
        IndexSettings index, Environment env, String name, Settings settings) {
        Pattern pattern = Regex.compile(Required.setting(settings, "pattern", name), settings.get("flags"));
        String replacement = settings.get("replacement", "");
        return new Normalizing(name, text -> new PatternReplaceCharFilter(pattern, replacement, text));
    }

    private static CharFilterFactory mapping(IndexSettings index, Environment env, String name, Settings settings) {
        List<String> rules = Analysis.getWordList(env, settings, "mappings");
        if (rules == null) {
            throw new IllegalArgumentException(
                "mapping requires either `mappings` or `mappings_path` to be configured");
        }
        NormalizeCharMap.Builder map = new NormalizeCharMap.Builder();
        for (String rule : rules) {
            // The last arrow parts the rule, so that "=> => to" can map an arrow.
            int arrow = rule.lastIndexOf("=>");
            if (arrow < 0) {
                throw new IllegalArgumentException("Invalid Mapping Rule : [" + rule + "]");
            }
            map.add(
                Escapes.unescape(rule.substring(0, arrow).trim()), Escapes.unescape(rule.substring(arrow + 2).trim()));
        }
        NormalizeCharMap built = map.build();
        return new Normalizing(name, text -> new MappingCharFilter(built, text));
    }
}
