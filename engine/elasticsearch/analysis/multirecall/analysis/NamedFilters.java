package multirecall.analysis;

import static org.elasticsearch.index.analysis.PreConfiguredTokenFilter.singleton;

import java.util.List;
import org.apache.lucene.analysis.StopFilter;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.analysis.fr.FrenchAnalyzer;
import org.apache.lucene.analysis.miscellaneous.KeywordRepeatFilter;
import org.apache.lucene.analysis.miscellaneous.TruncateTokenFilter;
import org.apache.lucene.analysis.ngram.EdgeNGramTokenFilter;
import org.apache.lucene.analysis.util.ElisionFilter;
import org.elasticsearch.index.analysis.PreConfiguredTokenFilter;

/**
 * Filters that an index may name without defining them and whose settings then differ from their own defaults.
 *
 * <p>The server makes every other one from {@link TokenFilters} with empty settings.
 */
final class NamedFilters {

    private NamedFilters() {}

    static List<PreConfiguredTokenFilter> all() {
        return List.of(
            singleton("edge_ngram", false, false, tokens -> new EdgeNGramTokenFilter(tokens, 1)),
            singleton("elision", true, tokens -> new ElisionFilter(tokens, FrenchAnalyzer.DEFAULT_ARTICLES)),
            singleton("keyword_repeat", false, false, KeywordRepeatFilter::new),
            singleton("stop", false, tokens -> new StopFilter(tokens, EnglishAnalyzer.ENGLISH_STOP_WORDS_SET)),
            singleton("truncate", false, tokens -> new TruncateTokenFilter(tokens, 10)));
    }
}
