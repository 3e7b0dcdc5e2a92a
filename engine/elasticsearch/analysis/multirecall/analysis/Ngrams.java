package multirecall.analysis;

import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.ngram.EdgeNGramTokenFilter;
import org.apache.lucene.analysis.ngram.NGramTokenFilter;
import org.apache.lucene.analysis.reverse.ReverseStringFilter;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.analysis.TokenFilterFactory;

/** {@code ngram} and {@code edge_ngram} as token filters. */
final class Ngrams {

    private Ngrams() {}

    static TokenFilterFactory ngram(IndexSettings index, Environment env, String name, Settings settings) {
        int min = settings.getAsInt("min_gram", 1);
        int max = settings.getAsInt("max_gram", 2);
        requireSmallDifference(index, min, max);
        boolean keepOriginal = settings.getAsBoolean("preserve_original", false);
        return Filter.stacking(name, tokens -> new NGramTokenFilter(tokens, min, max, keepOriginal));
    }

    static TokenFilterFactory edgeNgram(IndexSettings index, Environment env, String name, Settings settings) {
        int min = settings.getAsInt("min_gram", 1);
        int max = settings.getAsInt("max_gram", 2);
        boolean keepOriginal = settings.getAsBoolean("preserve_original", false);
        String side = settings.get("side", "front");
        if (side.equals("front")) {
            return Filter.stacking(name, tokens -> new EdgeNGramTokenFilter(tokens, min, max, keepOriginal));
        }
        if (side.equals("back")) {
            return Filter.stacking(name, tokens -> fromTheBack(tokens, min, max, keepOriginal));
        }
        throw new IllegalArgumentException("invalid side: " + side);
    }

    private static TokenStream fromTheBack(TokenStream tokens, int min, int max, boolean keepOriginal) {
        TokenStream reversed = new ReverseStringFilter(tokens);
        return new ReverseStringFilter(new EdgeNGramTokenFilter(reversed, min, max, keepOriginal));
    }

    /** The server's own guard: a wide range of lengths multiplies the size of the index. */
    static void requireSmallDifference(IndexSettings index, int min, int max) {
        int allowed = index.getMaxNgramDiff();
        if (max - min > allowed) {
            throw new IllegalArgumentException(
                "The difference between max_gram and min_gram must be less than or equal to: [" + allowed
                    + "] but was [" + (max - min) + "]. This limit can be set by changing the ["
                    + IndexSettings.MAX_NGRAM_DIFF_SETTING.getKey() + "] index level setting.");
        }
    }
}
