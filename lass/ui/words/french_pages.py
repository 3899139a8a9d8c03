"""The words of the pages beside Separate, in French."""

from __future__ import annotations

from lass.ui.words.page_texts import (
    BatchTexts,
    CompareTexts,
    MeasureTexts,
    ModelsTexts,
    MoreTexts,
    NavigationTexts,
    PageTexts,
)

PAGES = PageTexts(
    navigation=NavigationTexts(
        label="Pages",
        separate="Séparer",
        compare="Comparer",
        measure="Mélanger et mesurer",
        batch="Par lots",
        models="Modèles et méthode",
        listening="Test d’écoute",
    ),
    more=MoreTexts(
        heading="Plus : plusieurs sons, retirer, une partie seulement",
        add="Ajouter une description",
        another="Aussi, sur une piste à part (description {number})",
        take_back="Retirer la dernière",
        keep="Qu’en faire",
        keep_it="Le garder",
        remove_it="Le retirer",
        part="Une partie de l’enregistrement seulement",
        part_hint="En secondes. En dehors de la partie, rien ne change.",
        start="De",
        end="À (0 : jusqu’à la fin)",
        stem="« {query} »",
        rest="Tout le reste",
        picture_alt=(
            "Spectrogrammes sur une même échelle de couleurs en décibels, le temps en largeur et la fréquence en "
            "hauteur : l’enregistrement, {queries} et tout le reste."
        ),
        edited_alt=(
            "Trois spectrogrammes sur une même échelle de couleurs en décibels, le temps en largeur et la fréquence "
            "en hauteur : l’enregistrement d’origine, le même modifié ({change}) et ce qui a été retiré."
        ),
        without="Sans « {query} »",
        without_end="Sans le son",
        removed="Ce qui a été retiré",
        only_there="Seulement « {query} » de {start} s à {end} s",
        only_there_end="Modifié",
        files="Les pistes, dans l’ordre de leurs descriptions",
        download_edited="Télécharger l’enregistrement modifié",
        download_removed="Télécharger ce qui a été retiré",
        shared=(
            "Une part du son répond à plusieurs descriptions ; elle a été répartie, pour que rien ne compte deux fois."
        ),
    ),
    compare=CompareTexts(
        title="Comparer les modèles à l’oreille",
        intro=(
            "Le même enregistrement et les mêmes mots passent par deux modèles ou plus. Vous entendez les réponses "
            "sous les lettres A, B, C, dans un ordre tiré au sort à chaque fois ; les noms viennent après votre vote."
        ),
        models="Modèles",
        models_hint="Ceux qui sont sur cette machine.",
        only_one=(
            "Un seul modèle est sur cette machine. Téléchargez-en un autre à la page Séparer, puis comparez-les ici."
        ),
        truth="Le son pur, si vous l’avez",
        truth_hint="Avec lui, chaque réponse est aussi mesurée : SDR, SDRi et SI-SDR.",
        start="Comparer",
        separating="Réponse {about} : partie {done} sur {total}",
        loading="Réveil du modèle derrière la réponse {about} …",
        how_many="Choisissez au moins deux modèles et au plus {most}.",
        answers="Les réponses",
        answers_hint="Toutes partent au même instant ; passez de l’une à l’autre pendant l’écoute.",
        vote="Laquelle préférez-vous ?",
        vote_hint="Les noms s’affichent après votre vote.",
        vote_for="Réponse {letter}",
        no_preference="Pas de différence",
        voted="Vous avez choisi la réponse {letter} : {title}.",
        voted_none="Vous n’avez pas entendu de différence.",
        picture_alt="Spectrogrammes sur une même échelle de couleurs : l’enregistrement et les réponses {letters}.",
        answer="Réponse {letter}",
        mixture="L’enregistrement",
        clean="Le son pur",
        measures="Mesures par rapport au son pur, en décibels ; plus, c’est mieux.",
        model="Modèle",
        took="Durée",
        download="Tout télécharger (zip)",
    ),
    measure=MeasureTexts(
        title="Mélanger et mesurer",
        intro=(
            "Mélangez deux sons, et la vérité est connue : la séparation se mesure au lieu de se juger. Prenez des "
            "sons fournis avec l’application, ou les vôtres."
        ),
        first="Premier son",
        second="Second son",
        own="Votre propre enregistrement …",
        own_file="Votre propre enregistrement",
        shipped_hint=(
            "Les sons de ces listes ont été générés pour cette application et se distinguent facilement ; "
            "attendez-vous à moins avec de vrais enregistrements."
        ),
        snr="Premier par rapport au second (dB)",
        offset="Le second commence plus tard de (s)",
        wanted="Séparer",
        wanted_first="le premier son",
        wanted_second="le second son",
        query="Décrit par (en anglais)",
        listen="Écouter le mélange",
        start="Mélanger, séparer et mesurer",
        sweep="Parcourir les rapports",
        sweeping="À {about} : partie {done} sur {total}",
        no_sounds="Choisissez d’abord deux sons : des sons fournis ou vos propres enregistrements.",
        mixture="Le mélange",
        truth="Le son voulu tel qu’il était",
        other="L’autre son tel qu’il était",
        target="Ce qui a été séparé",
        residual="Tout le reste",
        mixed="Le mélange est prêt.",
        turned_down="Tout le mélange a été baissé de {decibels} dB pour rester dans la pleine échelle.",
        results="Ce que vaut la séparation",
        sdr="SDR",
        sdri="SDRi",
        si_sdr="SI-SDR",
        sdr_means="De combien l’ensemble des erreurs est sous le son voulu. 0 dB : aussi fort que le son lui-même.",
        sdri_means="Ce qui en revient au modèle : le SDR obtenu, moins le SDR du mélange ({before} dB).",
        si_sdr_means="La même chose quand un mauvais volume ne compte pas comme une erreur.",
        not_defined="non défini",
        download="Tout télécharger (zip)",
        beside=(
            "Ici, vous entendrez le mélange, le son voulu tel qu’il était et ce qu’en a fait le modèle, et vous lirez "
            "à quel point les deux se ressemblent."
        ),
        sweep_heading="Sur une gamme de rapports",
        sweep_hint="Les {seconds} premières secondes du mélange, à {count} rapports.",
        sweep_alt="SDR et SI-SDR de la séparation selon le rapport du son voulu à l’autre : {points}.",
        sweep_table="Télécharger le tableau (CSV)",
        ratio="Rapport",
        picture_alt=(
            "Spectrogrammes sur une même échelle de couleurs : le mélange, le son voulu tel qu’il était et ce qui a "
            "été séparé."
        ),
    ),
    batch=BatchTexts(
        title="Beaucoup d’enregistrements à la fois",
        intro=(
            "Envoyez plusieurs enregistrements, ou un zip, et une ou plusieurs descriptions. Vous recevez un zip avec, "
            "pour chacun, ce qui a été demandé et tout le reste, ainsi qu’un tableau."
        ),
        files="Enregistrements, ou un zip",
        files_hint="Jusqu’à {jobs} enregistrements fois descriptions, et {minutes} minutes de son.",
        queries="Que voulez-vous entendre ? Une description en anglais par ligne",
        queries_hint="Chaque enregistrement est séparé une fois par ligne.",
        action="Qu’en faire",
        start="Tout séparer",
        separating="{about} : partie {done} sur {total}",
        no_files="Ajoutez d’abord des enregistrements : plusieurs fichiers, ou un zip.",
        too_many=(
            "Non séparé : avec autant de descriptions, un lot compte {most} enregistrements ; envoyez le reste dans un "
            "autre."
        ),
        too_long="Non séparé : un lot compte {minutes} minutes de son ; envoyez le reste dans un autre.",
        empty_zip="Ce zip ne contient aucun fichier ; mettez-y des enregistrements.",
        beside=(
            "Ici, une ligne apparaît pour chaque enregistrement dès qu’il est traité. Ce qui ne peut être lu reçoit "
            "une phrase qui dit pourquoi, et les autres continuent."
        ),
        results="Résultats",
        summary="{done} sur {total} séparés",
        column_file="Enregistrement",
        column_query="Description",
        column_result="Résultat",
        found="{level} dB par rapport à l’enregistrement",
        download="Télécharger les résultats (zip)",
        table="Télécharger le tableau (CSV)",
    ),
    models=ModelsTexts(
        title="Modèles et méthode",
        intro="Ce qui fait le travail, ce dont cela a appris, et où cela s’arrête.",
        method="Comment cela marche",
        method_words=(
            "Vos mots deviennent un vecteur qui représente leur sens. Un réseau regarde le spectrogramme de "
            "l’enregistrement et, guidé par ce vecteur, prédit quelle part de chaque instant et de chaque fréquence "
            "revient au son décrit, et en quoi sa phase diffère. Ce qu’il prédit est la cible ; l’enregistrement moins "
            "la cible est tout le reste : les deux, ajoutés, redonnent donc toujours l’enregistrement.",
            "Les longs enregistrements sont découpés en fenêtres d’environ dix secondes qui se chevauchent et sont "
            "fondues l’une dans l’autre là où chacune voit assez de ce qui l’entoure.",
            "Plusieurs descriptions sont traitées l’une après l’autre. Là où les réponses réclament ensemble plus d’un "
            "instant et d’une fréquence qu’il n’y en a, elles se le partagent selon leurs énergies (un filtre de "
            "Wiener construit sur les estimations, d’après Liutkus et Badeau 2015 ; la somme reste cohérente avec le "
            "mélange, d’après Wisdom et al. 2019). Ailleurs, chacune reste telle quelle.",
        ),
        limits="Où cela s’arrête",
        limits_words=(
            "Une séparation est une estimation. Elle peut garder des traces d’autres sons et perdre des parties du son "
            "voulu ; elle ne prouve rien de ce qui a été dit ou fait.",
            "Deux sons semblables à la fois, comme deux voix, ne sont distingués par aucun de ces modèles.",
            "Les descriptions ne sont comprises qu’en anglais, sans noms propres et sans négation.",
        ),
        budget="Ce qu’il faut",
        budget_words=(
            "Un modèle fourni avec l’application tourne sur un simple processeur. Les modèles à télécharger sont plus "
            "grands ; leurs fiches disent de combien. La vitesse sur votre machine : python -m lass benchmark.",
        ),
        budgets="Les modèles fournis avec l’application, selon leurs propres fichiers",
        model="Modèle",
        training="Apprentissage",
        weighs="{parameters} de paramètres, {size}",
        trained="{steps} pas, {hours} heures sur {devices}",
        trained_in="en {stages} étapes, chacune à la suite de la précédente",
        trained_after="à la suite de {name}",
        not_stated="non précisé",
        cards="Les modèles",
        architecture="Architecture",
        encoder="Comprend les mots avec",
        sample_rate="Fréquence d’échantillonnage",
        parameters="Paramètres",
        not_known="connu une fois sur place",
        size="Taille",
        licence="Licence des poids",
        state="Où il se trouve",
        source="Source",
        whole_card="La fiche entière : apprentissage, mesures, limites (en anglais)",
        known="Ce que connaît un modèle",
        known_hint="Écrivez des mots et voyez de quels sons connus ils sont les plus proches.",
        known_query="Mots (en anglais)",
        known_model="Modèle",
        search="Trouver les sons les plus proches",
        nearest="« {query} » est le plus proche de :",
        familiar="assez proche pour espérer une séparation",
        unfamiliar="trop loin : n’en attendez pas trop",
        all_known="Les {count} sons connus",
        none_known="Aucun modèle de cette machine ne donne la liste des sons qu’il connaît.",
        citations="Travaux sur lesquels tout repose",
        citations_words=(
            "AudioSep : X. Liu et al., Separate anything you describe, arXiv:2308.05037.",
            "ResUNet pour la séparation : Q. Kong et al., Decoupling magnitude and phase estimation with deep ResUNet, "
            "arXiv:2109.05418.",
            "ResUNet++ : D. Jha et al., arXiv:1911.07067 ; récurrence à deux voies : Y. Luo et al., arXiv:1910.06379.",
            "CLAP : Y. Wu et al., arXiv:2211.06687.",
            "Partage entre pistes : A. Liutkus et R. Badeau, Generalized Wiener filtering with fractional power "
            "spectrograms, ICASSP 2015 ; S. Wisdom et al., Differentiable consistency constraints for improved deep "
            "speech enhancement, ICASSP 2019.",
            "SI-SDR : J. Le Roux et al., SDR – half-baked or well done?, ICASSP 2019.",
        ),
    ),
)
